"""The recorder without its wires: commands in, answers out. Nothing here raises."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...clock import monotonic_s
from ...errors import DatasetInvalid, RoveError
from ..dataset import WriterLock
from ..read import open_episode
from .free_space import MIN_FREE_BYTES
from .intake import Intake
from .recording import EpisodeRecording

LAST_ROW_WAIT_S = 0.5


class RecorderSession:
    """One recorder process. ``command`` runs on one thread; data goes to ``intake`` on others and never waits for it.

    ``emit`` gets what is said unasked: ``{"failed": sentence}`` at once when the disk refuses a record.
    """

    def __init__(
        self,
        root: Path,
        lock: WriterLock,
        emit: Callable[[dict[str, Any]], None],
        cameras: tuple[str, ...] = (),
        *,
        camera_codec: str = "jpeg",
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        self._root, self._writer, self._min_free_bytes = root, lock, min_free_bytes
        self._announced = {"cameras": list(cameras), "camera_codec": camera_codec}
        self._command = threading.Lock()
        self.intake = Intake(emit)

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
        if self.intake.recording is None:
            return None
        return self.command(json.dumps({"end": {"outcome": "unknown", "attributes": {"ended_by": "stop"}}}))

    def _begin(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        if self.intake.recording is not None:
            raise DatasetInvalid(f"episode {self.intake.recording.id} is still open: end it first")
        recording = EpisodeRecording(
            self._root,
            {**self._announced, **attributes},
            self._writer,
            min_free_bytes=self._min_free_bytes,
        )
        self.intake.open(recording, attributes.get("episode_number"))
        return {"began": recording.id}

    def _end(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        recording = self.intake.recording
        if recording is None:
            raise DatasetInvalid("there is no open episode to end")
        outcome, last_tick = arguments.get("outcome", "unknown"), arguments.get("last_tick")
        attributes = arguments.get("attributes", {})
        if not isinstance(attributes, dict) or not (last_tick is None or isinstance(last_tick, int)):
            raise DatasetInvalid("'attributes' must be a JSON object and 'last_tick' a whole number")
        recording.check_end(outcome, attributes)
        self.intake.close(last_tick, LAST_ROW_WAIT_S)
        return self._seal(recording, outcome, attributes, last_tick)

    def _seal(
        self, recording: EpisodeRecording, outcome: str, attributes: Mapping[str, Any], last_tick: int | None
    ) -> dict[str, Any]:
        begin_s = monotonic_s()
        path = recording.seal(outcome, attributes, last_tick=last_tick)
        sealed = open_episode(path).attributes
        self.intake.counts["episodes"] += 1
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
        recording = self.intake.recording
        return {
            "episode": None if recording is None else recording.id,
            "acknowledged_tick": None if recording is None else recording.last_tick,
            "rows": 0 if recording is None else recording.row_count,
            "frames": 0 if recording is None else recording.frame_count,
            "bytes": 0 if recording is None else recording.bytes_written,
            "unsynced_bytes": 0 if recording is None else recording.unsynced_bytes,
            "failed": self.intake.failed,
            "refusal": self.intake.refusal,
            "counts": dict(self.intake.counts),
        }

    @property
    def joint_names(self) -> tuple[str, ...] | None:
        """Joints of the open episode, or None."""
        recording = self.intake.recording
        return None if recording is None else tuple(recording.attributes["joint_names"])


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")
