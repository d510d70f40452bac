"""What arrives while an episode is open: each source has its own lock, so that images never hold up rows."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ...errors import DatasetInvalid, RecordingFailed
from ...types import Array, Event
from ..layout import row_episode_tick
from .camera_log import Image
from .recording import EpisodeRecording
from .records import ChunkRecord, FailureRecord
from .row_socket import EVENT, FAILURE, ROW

Write = Callable[[EpisodeRecording], object]


class Intake:
    """Data to the episode that is open. Nothing here raises; control's datagrams, images and topics may have threads.

    The first row of an episode fixes the number it has in control (``open`` may give it); rows of other episodes are
    counted, not stored. ``emit`` gets ``{"failed": sentence}`` once per episode, at once, when the disk refuses.
    """

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._row_arrived = threading.Condition()
        self._images, self._topics, self._tell = threading.Lock(), threading.Lock(), threading.Lock()
        self._episode: int | None = None
        self._last_row = (-1, -1)
        self._sequences: Counter[str] = Counter()
        self._features: tuple[str, ...] | None = None
        self.recording: EpisodeRecording | None = None
        self.counts: Counter[str] = Counter()
        self.failed: str | None = None
        self.refusal: str | None = None

    # --- the episode ---

    def open(self, recording: EpisodeRecording, episode_number: int | None) -> None:
        """From now on data belongs to this recording."""
        with self._everything():
            self.failed = self.refusal = self._features = None
            self._episode = episode_number
            self._sequences.clear()
            self.recording = recording

    def close(self, last_tick: int | None, patience_s: float) -> None:
        """Data belongs to no recording any more, once row ``last_tick`` has come (or did not within ``patience_s``)."""
        recording = self.recording
        if recording is None:
            return
        if last_tick is not None:
            with self._row_arrived:
                self._row_arrived.wait_for(lambda: _has_row(recording, last_tick), patience_s)
        with self._everything():
            self.recording = None
            if self._episode is not None and recording.last_tick is not None:
                self._last_row = (self._episode, recording.last_tick)

    def check(self) -> None:
        """Notice what other threads found: a sync that failed, a disk that is nearly full. Call it often."""
        with self._topics:
            sentence = self.recording.failed if self.recording is not None and self.failed is None else None
            if sentence is not None:
                self._fail(sentence)

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

    def frame(self, camera: str, image: Image, capture_s: float, receive_s: float) -> None:
        """A camera image as received: a JPEG file, or the pixels where they are encoded here."""
        with self._images:
            sequence = self._sequences[camera]
            self._sequences[camera] += 1
            self._append("frames", lambda recording: recording.frame(camera, image, capture_s, receive_s, sequence))

    def refuse_frame(self, camera: str, sentence: str) -> None:
        """A camera image that cannot be stored: its number is missing in the episode."""
        with self._images:
            self._sequences[camera] += 1
            self._refuse("frames", sentence)

    def chunk(self, chunk: ChunkRecord) -> None:
        """A policy's chunk as received."""
        with self._topics:
            self._append("chunks", lambda recording: recording.chunk(chunk))

    def tracking(self, frame: bytes, receive_s: float) -> None:
        """A device frame as received."""
        with self._topics:
            self._append("tracking", lambda recording: recording.tracking(frame, receive_s))

    def task_state(self, stamp_s: float, names: tuple[str, ...], features: Array) -> None:
        """The task's named features; the names of the first sample hold for the episode."""
        with self._topics:
            if self.recording is not None and self._features is None:
                self._features = names
                if list(names) != self.recording.attributes["feature_names"]:
                    self._append("attributes", lambda recording: recording.note({"feature_names": list(names)}))
            if self.recording is not None and names != self._features:
                self._refuse("task", "the task changed its feature names during an episode")
            else:
                self._append("task", lambda recording: recording.task_state(stamp_s, features))

    def event(self, event: Event) -> None:
        """Something the recorder itself noticed."""
        with self._topics:
            self._append("events", lambda recording: recording.event(event))

    # --- with the source's lock held ---

    def _row(self, row: bytes) -> None:
        episode, tick = row_episode_tick(row)
        late = self._episode is None and episode == self._last_row[0] and tick > self._last_row[1]
        if self.recording is not None and (late or self._episode not in (None, episode)):
            self._refuse("rows", f"control sent a row of its episode {episode}, which is not the one being recorded")
        elif self._append("rows", lambda recording: recording.control_row(row)):
            self._episode = episode

    def _append(self, what: str, write: Write) -> bool:
        if self.recording is None:
            self._count(f"{what}_outside")
        elif self.failed is not None:
            self._count(f"{what}_lost")
        else:
            try:
                write(self.recording)
                self._count(what)
                return True
            except RecordingFailed as error:
                self._count(f"{what}_lost")
                self._fail(str(error))
            except DatasetInvalid as error:
                self._refuse(what, str(error))
        return False

    def _refuse(self, what: str, sentence: str) -> None:
        self._count(f"{what}_refused")
        self.refusal = sentence

    def _fail(self, sentence: str) -> None:
        with self._tell:
            if self.failed is not None:
                return
            self.failed = sentence
        self._emit({"failed": sentence})

    def _count(self, what: str) -> None:
        with self._tell:
            self.counts[what] += 1

    def _everything(self) -> ExitStack:
        """Every source's lock: nothing is being written while the recording changes."""
        stack = ExitStack()
        for lock in (self._row_arrived, self._images, self._topics):
            stack.enter_context(lock)
        return stack


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
