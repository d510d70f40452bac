"""The newest word of everybody: written by the thread that listens, read by the threads that serve the page."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from .bridge import Frame
from .messages import JsonObject, parse_object
from .timeline import Segment, Timeline

MAX_FRAME_BYTES = 4 * 1024 * 1024
JPEG_START = b"\xff\xd8\xff"


class LiveSession:
    """Latest-value mailboxes behind one lock: all of a SessionBridge except the commands.

    Every ``take_*`` raises ValueError, with a sentence, for a message that is not what it should be; what was there
    before then stays, and grows old.
    """

    def __init__(self, cameras: Sequence[str], keep_events: int = 30) -> None:
        self._lock = threading.Lock()
        self._cameras = tuple(cameras)
        self._status: JsonObject = {}
        self._status_stamp_s: float | None = None
        self._session: JsonObject = {}
        self._task: JsonObject = {}
        self._calibration: JsonObject = {}
        self._operator: JsonObject = {}
        self._events: deque[JsonObject] = deque(maxlen=keep_events)
        self._frames: dict[str, Frame] = {}
        self._timeline = Timeline()

    def take_status(self, text: str, now_s: float) -> None:
        """A status of control (JSON object) that arrived at ``now_s``."""
        status = parse_object(text)
        episode = status.get("episode")
        with self._lock:
            self._status, self._status_stamp_s = status, now_s
            self._timeline.add(now_s, str(status.get("phase")), episode if isinstance(episode, int) else 0)

    def take_session(self, text: str) -> None:
        """The counts of the session (JSON object)."""
        session = parse_object(text)
        with self._lock:
            self._session = session

    def take_task(self, text: str) -> None:
        """The progress of the task (JSON object)."""
        task = parse_object(text)
        with self._lock:
            self._task = task

    def take_calibration(self, text: str) -> None:
        """What the calibration asks of the operator (JSON object, empty when it is over)."""
        calibration = parse_object(text)
        with self._lock:
            self._calibration = calibration

    def take_operator(self, text: str) -> None:
        """Why the operator is not engaged now, and what was refused of their device's frames (JSON object)."""
        operator = parse_object(text)
        with self._lock:
            self._operator = operator

    def take_event(self, text: str) -> None:
        """One event (JSON object)."""
        event = parse_object(text)
        with self._lock:
            self._events.append(event)

    def take_frame(self, camera: str, jpeg: bytes, now_s: float) -> None:
        """One JPEG picture that arrived at ``now_s``."""
        if camera not in self._cameras:
            raise ValueError(f"camera '{camera}' is not one of {', '.join(self._cameras)}")
        if not jpeg.startswith(JPEG_START) or len(jpeg) > MAX_FRAME_BYTES:
            raise ValueError(f"camera '{camera}' sent {len(jpeg)} bytes that are no JPEG of at most {MAX_FRAME_BYTES}")
        with self._lock:
            before = self._frames.get(camera)
            self._frames[camera] = Frame(before.sequence + 1 if before else 1, now_s, jpeg)

    @property
    def cameras(self) -> tuple[str, ...]:
        return self._cameras

    def latest_status(self) -> JsonObject:
        with self._lock:
            return self._status

    def status_age_s(self, now_s: float) -> float | None:
        with self._lock:
            return None if self._status_stamp_s is None else now_s - self._status_stamp_s

    def latest_session(self) -> JsonObject:
        with self._lock:
            return self._session

    def latest_task(self) -> JsonObject:
        with self._lock:
            return self._task

    def latest_calibration(self) -> JsonObject:
        with self._lock:
            return self._calibration

    def latest_operator(self) -> JsonObject:
        with self._lock:
            return self._operator

    def latest_events(self) -> list[JsonObject]:
        with self._lock:
            return list(self._events)

    def timeline(self, now_s: float) -> list[Segment]:
        with self._lock:
            return self._timeline.segments(now_s)

    def latest_frame(self, camera: str) -> Frame | None:
        with self._lock:
            return self._frames.get(camera)
