"""The recorder without its wires: commands in, answers out, data to the episode that is open. Nothing here raises."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..clock import monotonic_s
from ..errors import DatasetInvalid, RecordingFailed, RoveError
from ..types import Array, Event
from .dataset import WriterLock
from .layout import row_episode_tick
from .read import open_episode
from .recording import EpisodeRecording
from .records import ChunkRecord, FailureRecord
from .row_socket import EVENT, FAILURE, ROW

LAST_ROW_WAIT_S = 0.5


class RecorderSession:
    """One recorder process. ``command`` runs on one thread; data arrives on others and is never kept waiting by it.

    ``emit`` gets ``{"failed": sentence}`` at once when the disk refuses a record. The first row of an episode fixes
    the number it has in control (``begin`` may give it as ``episode_number``); rows of other episodes are counted,
    not stored.
    """

    def __init__(
        self,
        root: Path,
        lock: WriterLock,
        emit: Callable[[dict[str, Any]], None],
        cameras: tuple[str, ...] = (),
    ) -> None:
        self._root, self._writer, self._emit, self._cameras = root, lock, emit, cameras
        self._row_arrived = threading.Condition()
        self._command = threading.Lock()
        self._recording: EpisodeRecording | None = None
        self._episode: int | None = None
        self._last_row = (-1, -1)
        self._sequences: Counter[str] = Counter()
        self._features: tuple[str, ...] | None = None
        self.counts: Counter[str] = Counter()
        self.failed: str | None = None
        self.refusal: str | None = None

    # --- commands ---

    def command(self, line: str) -> dict[str, Any]:
        """One JSON line, ``{"begin" | "end" | "abort" | "status": {...}}``; what is refused is ``{"error": ...}``."""
        try:
            command = json.loads(line, parse_constant=_refuse_constant)
            (name,) = command
            handler, arguments = self._handlers[name], command[name]
        except (ValueError, TypeError, KeyError, RecursionError):
            return {"error": f"a command is one JSON object with one of {', '.join(self._handlers)}, got {line[:80]!r}"}
        if not isinstance(arguments, dict):
            return {"error": f"the arguments of '{name}' must be a JSON object"}
        with self._command:
            try:
                return handler(self, arguments)
            except RoveError as error:
                return {"error": str(error)}
            except OSError as error:
                return {"error": f"{self._root}: {error}; what was recorded is kept and sealed by recovery"}

    def finish(self) -> dict[str, Any] | None:
        """Seal an episode that is still open, outcome ``unknown``: who stopped it did not say."""
        if self._recording is None:
            return None
        return self.command(json.dumps({"end": {"outcome": "unknown", "attributes": {"ended_by": "stop"}}}))

    def _begin(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        if self._recording is not None:
            raise DatasetInvalid(f"episode {self._recording.id} is still open: end it first")
        recording = EpisodeRecording(self._root, {"cameras": list(self._cameras), **attributes}, self._writer)
        with self._row_arrived:
            self.failed = self.refusal = self._features = None
            self._episode = attributes.get("episode_number")
            self._sequences.clear()
            self._recording = recording
        return {"began": recording.id}

    def _end(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        recording = self._recording
        if recording is None:
            raise DatasetInvalid("there is no open episode to end")
        outcome, last_tick = arguments.get("outcome", "unknown"), arguments.get("last_tick")
        attributes = arguments.get("attributes", {})
        if not isinstance(attributes, dict) or not (last_tick is None or isinstance(last_tick, int)):
            raise DatasetInvalid("'attributes' must be a JSON object and 'last_tick' a whole number")
        recording.check_end(outcome, attributes)
        with self._row_arrived:
            if last_tick is not None:
                self._row_arrived.wait_for(lambda: self._has_row(recording, last_tick), LAST_ROW_WAIT_S)
            self._recording = None
            if self._episode is not None and recording.last_tick is not None:
                self._last_row = (self._episode, recording.last_tick)
        return self._seal(recording, outcome, attributes, last_tick)

    def _seal(
        self, recording: EpisodeRecording, outcome: str, attributes: Mapping[str, Any], last_tick: int | None
    ) -> dict[str, Any]:
        begin_s = monotonic_s()
        path = recording.seal(outcome, attributes, last_tick=last_tick)
        sealed = open_episode(path).attributes
        self.counts["episodes"] += 1
        return {
            "sealed": str(path),
            "rows": sealed["rows"],
            "lost": sealed["ticks_lost"],
            "frames": sum(sealed["frames"].values()),
            "status": sealed["status"],
            "seal_ms": round(1e3 * (monotonic_s() - begin_s), 1),
        }

    def _abort(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return self._end({**arguments, "outcome": "discarded"})

    def _status(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"status": self.status()}

    _handlers: Mapping[str, Callable[[RecorderSession, Mapping[str, Any]], dict[str, Any]]] = {
        "begin": _begin,
        "end": _end,
        "abort": _abort,
        "status": _status,
    }

    def status(self) -> dict[str, Any]:
        """What is recorded now; ``acknowledged_tick`` is the last tick that a killed recorder cannot lose."""
        recording = self._recording
        return {
            "episode": None if recording is None else recording.id,
            "acknowledged_tick": None if recording is None else recording.last_tick,
            "rows": 0 if recording is None else recording.row_count,
            "frames": 0 if recording is None else recording.frame_count,
            "bytes": 0 if recording is None else recording.bytes_written,
            "unsynced_bytes": 0 if recording is None else recording.unsynced_bytes,
            "failed": self.failed,
            "refusal": self.refusal,
            "counts": dict(self.counts),
        }

    @property
    def joint_names(self) -> tuple[str, ...] | None:
        """Joints of the open episode, or None."""
        recording = self._recording
        return None if recording is None else tuple(recording.attributes["joint_names"])

    # --- data ---

    def datagram(self, data: bytes) -> None:
        """A datagram of the control process: a row, an event, or a failure detector's opinion."""
        kind, body = data[:1], data[1:]
        with self._row_arrived:
            if kind == ROW and len(body) >= 8:
                self._row(body)
                self._row_arrived.notify_all()
            elif kind in (EVENT, FAILURE):
                self._append("events", lambda recording: _record_json(recording, kind, body))
            else:
                self._refuse("rows", f"a datagram of {len(data)} bytes from control is neither row nor event")

    def frame(self, camera: str, jpeg: bytes, capture_s: float, receive_s: float) -> None:
        """A camera image as received."""
        with self._row_arrived:
            sequence = self._sequences[camera]
            self._sequences[camera] += 1
            self._append("frames", lambda recording: recording.frame(camera, jpeg, capture_s, receive_s, sequence))

    def chunk(self, chunk: ChunkRecord) -> None:
        """A policy's chunk as received."""
        with self._row_arrived:
            self._append("chunks", lambda recording: recording.chunk(chunk))

    def tracking(self, frame: bytes, receive_s: float) -> None:
        """A device frame as received."""
        with self._row_arrived:
            self._append("tracking", lambda recording: recording.tracking(frame, receive_s))

    def task_state(self, stamp_s: float, names: tuple[str, ...], features: Array) -> None:
        """The task's named features; the names of the first sample hold for the episode."""
        with self._row_arrived:
            if self._recording is not None and self._features is None:
                self._features = names
                if list(names) != self._recording.attributes["feature_names"]:
                    self._append("attributes", lambda recording: recording.note({"feature_names": list(names)}))
            if self._recording is not None and names != self._features:
                self._refuse("task", "the task changed its feature names during an episode")
            else:
                self._append("task", lambda recording: recording.task_state(stamp_s, features))

    def event(self, event: Event) -> None:
        """Something the recorder itself noticed."""
        with self._row_arrived:
            self._append("events", lambda recording: recording.event(event))

    # --- with the lock held ---

    def _row(self, row: bytes) -> None:
        episode, tick = row_episode_tick(row)
        late = self._episode is None and episode == self._last_row[0] and tick > self._last_row[1]
        if self._recording is not None and (late or self._episode not in (None, episode)):
            self._refuse("rows", f"control sent a row of its episode {episode}, which is not the one being recorded")
        elif self._append("rows", lambda recording: recording.control_row(row)):
            self._episode = episode

    def _append(self, what: str, write: Callable[[EpisodeRecording], object]) -> bool:
        if self._recording is None:
            self.counts[f"{what}_outside"] += 1
        elif self.failed is not None:
            self.counts[f"{what}_lost"] += 1
        else:
            try:
                write(self._recording)
                self.counts[what] += 1
                return True
            except RecordingFailed as error:
                self.counts[f"{what}_lost"] += 1
                self.failed = str(error)
                self._emit({"failed": self.failed})
            except DatasetInvalid as error:
                self._refuse(what, str(error))
        return False

    def _refuse(self, what: str, sentence: str) -> None:
        self.counts[f"{what}_refused"] += 1
        self.refusal = sentence

    @staticmethod
    def _has_row(recording: EpisodeRecording, tick: int) -> bool:
        return recording.last_tick is not None and recording.last_tick >= tick


def _record_json(recording: EpisodeRecording, kind: bytes, body: bytes) -> None:
    try:
        data = json.loads(body)
        if kind == EVENT:
            recording.event(Event(float(data["time_s"]), str(data["kind"]), str(data["detail"])))
        else:
            recording.failure(
                FailureRecord(
                    stamp_s=float(data["stamp_s"]),
                    score=float(data["score"]),
                    threshold=float(data["threshold"]),
                    alarm=bool(data["alarm"]),
                    detector=str(data["detector"])[:64],
                )
            )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetInvalid(f"an event from control cannot be read ({error!r})") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
