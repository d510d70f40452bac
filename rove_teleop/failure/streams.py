"""One episode as a monitor heard it, as arrays: recorded once, replayed through any detectors, kept in one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import ActionChunk, Array
from .alarms import Advice

COMMANDED_S = 0.02


class Listener(Protocol):
    """Whoever hears what happens while a policy drives. Stamps are seconds of one monotonic clock."""

    def begin(self, now_s: float) -> None: ...
    def chunk(self, now_s: float, chunk: ActionChunk) -> None: ...
    def embedding(self, now_s: float, embedding: Array) -> None: ...
    def value(self, now_s: float, value: float) -> None: ...
    def progress(self, now_s: float, progress: float) -> None: ...
    def commanded(self, now_s: float, q_rad: Array) -> None: ...
    def advice(self, now_s: float) -> Advice: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Streams:
    """What was heard from ``begin`` (second 0) on, and how it ended.

    Chunks: received at ``chunk_s`` (c,) with ``offset_s`` (c, h) and ``q_rad`` (c, h, m) of ``joint_index`` (m,);
    ``embedding`` (e, d) at ``embedding_s`` (e,); ``commanded_rad`` (t, n) every `COMMANDED_S`; ``trigger_s`` is when a
    person stepped in, NaN for nobody. Only ``success``, ``failure`` and ``trigger_s`` say how it went; no detector
    hears them.
    """

    name: str
    success: bool
    failure: str
    duration_s: float
    trigger_s: float
    joint_index: NDArray[np.int64]
    chunk_s: Array
    offset_s: Array
    q_rad: Array
    embedding_s: Array
    embedding: Array
    value_s: Array
    value: Array
    progress_s: Array
    progress: Array
    commanded_s: Array
    commanded_rad: Array


class StreamRecorder:
    """A listener that keeps everything."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        self._start_s = now_s
        self._chunks: list[ActionChunk] = []
        self._embeddings: list[tuple[float, Array]] = []
        self._values: list[tuple[float, float]] = []
        self._progress: list[tuple[float, float]] = []
        self._commanded: list[tuple[float, Array]] = []

    def chunk(self, now_s: float, chunk: ActionChunk) -> None:
        if not self._chunks or np.array_equal(chunk.joint_index, self._chunks[0].joint_index):
            self._chunks.append(chunk)

    def embedding(self, now_s: float, embedding: Array) -> None:
        self._embeddings.append((now_s, embedding))

    def value(self, now_s: float, value: float) -> None:
        self._values.append((now_s, value))

    def progress(self, now_s: float, progress: float) -> None:
        self._progress.append((now_s, progress))

    def commanded(self, now_s: float, q_rad: Array) -> None:
        if not self._commanded or now_s - self._commanded[-1][0] >= COMMANDED_S - 1e-9:
            self._commanded.append((now_s, q_rad.copy()))

    def advice(self, now_s: float) -> Advice:
        """None: it only listens."""
        return Advice(None)

    def end(self) -> None:
        """The policy does not drive any more; what it sees until it drives again is not kept."""

    def finish(self, success: bool, duration_s: float, failure: str = "", trigger_s: float = np.nan) -> Streams:
        """The episode, with its stamps counted from its beginning."""
        chunks = self._chunks
        return Streams(
            self.name,
            success,
            failure,
            duration_s,
            trigger_s,
            chunks[0].joint_index if chunks else np.empty(0, np.int64),
            np.array([item.received_s for item in chunks]) - self._start_s,
            np.array([item.offset_s for item in chunks]),
            np.array([item.q_rad for item in chunks]),
            *self._column(self._embeddings),
            *self._column(self._values),
            *self._column(self._progress),
            *self._column(self._commanded),
        )

    def _column(self, heard: list[tuple[float, Array]] | list[tuple[float, float]]) -> tuple[Array, Array]:
        stamps = np.array([item[0] for item in heard]) - self._start_s
        return stamps, np.array([item[1] for item in heard])
