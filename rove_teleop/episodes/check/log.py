"""What the invariant checkers look at: an episode's arrays, attributes and events, and words for common questions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Event
from ..read import Episode

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Change:
    """An event of kind ``state``: when, from where, to where, and why."""

    time_s: float
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Log:
    """``arrays`` by name as in the episode, without the ``absent`` ones, which lie elsewhere. Checkers only read."""

    attributes: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    events: Sequence[Event] = field(default=())
    absent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, episode: Episode, absent: frozenset[str] = frozenset()) -> Log:
        arrays = {name: np.asarray(episode[name]) for name in episode if name not in absent}
        return cls(episode.attributes, arrays, episode.events(), absent)

    def control(self, name: str) -> NDArray[Any]:
        """A column of the control rows."""
        return self.arrays[f"control/{name}"]

    @property
    def dt_s(self) -> float:
        return 1.0 / float(self.attributes["control_hz"])

    @cached_property
    def tick(self) -> NDArray[np.int64]:
        return self.control("tick").astype(np.int64)

    @cached_property
    def follows(self) -> Rows:
        """(ticks,) whether the row before is the tick before."""
        return np.concatenate([np.zeros(min(len(self.tick), 1), np.bool_), np.diff(self.tick) == 1])

    @cached_property
    def begins(self) -> Rows:
        """(ticks,) where commands begin anew at the measured pose: after a fault. The first row may be one too."""
        fault = self.in_state("fault") if self.has_states else np.zeros(len(self.tick), np.bool_)
        return np.concatenate([np.zeros(min(len(fault), 1), np.bool_), fault[:-1] & ~fault[1:]])

    @cached_property
    def has_states(self) -> bool:
        """Whether our control wrote this: what was imported names no states and promises nothing of them."""
        return bool(self.attributes.get("state_names")) and len(self.tick) > 0

    def in_state(self, *names: str) -> Rows:
        """(ticks,) whether the state is one of these."""
        known = list(self.attributes["state_names"])
        return np.isin(self.control("state"), [known.index(name) for name in names if name in known])

    def state_name(self, row: int) -> str:
        known, number = self.attributes["state_names"], int(self.control("state")[row])
        return str(known[number]) if number < len(known) else str(number)

    @cached_property
    def whole(self) -> bool:
        """Whether nothing of what control told was lost, so that what is not in the log did not happen."""
        return self.attributes.get("status") == "complete" and not self.attributes.get("ticks_lost")

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        return tuple(_changes(self.events))

    def told(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Times and contents of the events of a kind that speaks JSON; another check names those that do not."""
        contents = ((event.time_s, read_object(event.detail)) for event in self.events if event.kind == kind)
        return [(time_s, content) for time_s, content in contents if content is not None]

    @cached_property
    def group_joints(self) -> tuple[NDArray[np.int64], ...]:
        """Indices of the joints of each group, in the order of ``weight``'s columns."""
        names = list(self.attributes["joint_names"])
        groups = self.attributes["groups"].values()
        return tuple(np.array([names.index(joint) for joint in joints], dtype=np.int64) for joints in groups)

    def limit(self, key: str) -> Array | None:
        """One of the limits (n,), or None where the episode says none."""
        limits = self.attributes.get("limits")
        return None if limits is None else np.array(limits[key], dtype=np.float64)


def read_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _changes(events: Sequence[Event]) -> Iterator[Change]:
    for event in events:
        if event.kind == "state" and " -> " in event.detail:
            before, _, rest = event.detail.partition(" -> ")
            after, _, why = rest.partition(": ")
            yield Change(event.time_s, before, after, why)


def rows_where(wrong: Rows, sentence: str) -> list[str]:
    """One sentence with the first wrong row and how many there are; nothing where none is wrong."""
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return []
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    return [f"{sentence} (row {int(rows[0])}{more})"]


def lasting(condition: Rows, breaks: Rows) -> NDArray[np.int64]:
    """(ticks,) how many rows in a row up to this one ``condition`` has held, begun anew where ``breaks``."""
    index = np.arange(len(condition))
    begins = condition & (breaks | ~np.concatenate([np.zeros(min(len(condition), 1), np.bool_), condition[:-1]]))
    begun = np.maximum.accumulate(np.where(begins, index, 0))
    return np.where(condition, index - begun + 1, 0)
