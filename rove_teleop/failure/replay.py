"""A recorded episode through a monitor, look by look: what detectors would have said."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from ..types import ActionChunk, Array
from .monitor import FailureMonitor
from .opinion import Detector
from .streams import Streams

OPINION_S = 0.1
"""How often opinions are asked for, as in sessions."""


@dataclass(frozen=True, slots=True)
class Track:
    """Raw scores (k, d) of the detectors ``names`` at each look, ``stamp_s`` (k,) seconds after the beginning."""

    names: tuple[str, ...]
    stamp_s: Array
    scores: Array

    def of(self, name: str) -> Array:
        """Scores (k,) of one detector."""
        return self.scores[:, self.names.index(name)]


def replay(streams: Streams, detectors: Sequence[Detector]) -> Track:
    """Let ``detectors`` hear the episode in the order in which it happened."""
    monitor = FailureMonitor(detectors)
    monitor.begin(0.0)
    due_s = 0.0
    stamps: list[float] = []
    scores: list[Array] = []
    events = heapq.merge(*_events(streams, monitor), key=itemgetter(0))
    for now_s, together in groupby(events, key=itemgetter(0)):
        if now_s > streams.duration_s:
            break
        for _, hear in together:
            hear()
        if now_s < due_s - 1e-9:
            continue
        due_s, before = now_s + OPINION_S, monitor.looks
        monitor.opinion(now_s)
        if monitor.looks > before:
            stamps.append(now_s)
            scores.append(monitor.scores)
    names = tuple(detector.name for detector in detectors)
    return Track(names, np.array(stamps), np.array(scores).reshape(len(stamps), len(names)))


Event = tuple[float, Callable[[], None]]


def _events(streams: Streams, monitor: FailureMonitor) -> list[Iterator[Event]]:
    """One sorted sequence per stream."""
    s = streams
    chunks = (
        ActionChunk(float(t), offset_s, s.joint_index, q_rad)
        for t, offset_s, q_rad in zip(s.chunk_s, s.offset_s, s.q_rad, strict=True)
    )
    return [
        _each(s.progress_s, map(float, s.progress), monitor.progress),
        _each(s.commanded_s, s.commanded_rad, monitor.commanded),
        _each(s.value_s, map(float, s.value), monitor.value),
        _each(s.embedding_s, s.embedding, monitor.embedding),
        _each(s.chunk_s, chunks, monitor.chunk),
    ]


def _each(stamps: Array, heard: Iterable[Any], hear: Callable[[float, Any], None]) -> Iterator[Event]:
    for now_s, item in zip(stamps.tolist(), heard, strict=True):
        yield now_s, partial(hear, now_s, item)
