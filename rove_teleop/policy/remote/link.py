"""What a protocol must be able to do, so that deadlines, reconnecting and checks are written once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from ...types import Array
from ..protocol import Observation
from .fit import Fit

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """A policy's answer: absolute positions (h, m) of the joints; ``offset_s`` (h,) where it has its own times."""

    q_rad: Array
    offset_s: Array | None = None
    embedding: Array | None = None
    value: float | None = None
    valid_s: float = inf


class Link(Protocol):
    """One connection to one policy; used by one thread. ``where`` names it in sentences."""

    where: str
    patience_s: float
    """How long connecting may take."""
    hang_s: float
    """A policy that was asked and says nothing for so long is given up, and connected to anew."""

    def connect(self) -> Message:
        """Connect anew and return what the policy says of itself; `PolicyUnavailable` with the reason."""

    def ask(self, question: Message, patience_s: float) -> Message:
        """One question, one answer.

        Raises:
            PolicyUnavailable: no whole answer within ``patience_s``, or an error: the connection is of no use any more.
            MessageRefused: this answer is of no use; the connection is.
        """

    def close(self) -> None:
        """Leave; what was asked is forgotten. May be called again."""

    def interrupt(self) -> None:
        """What the link waits for fails soon. The one call that comes from another thread."""

    def fit(self, description: Message) -> Fit:
        """What the policy works on, by name; `CheckpointInvalid` with both sides when that is not this robot."""

    def question(self, observation: Observation, fit: Fit, seed: int | None) -> Message:
        """What to ask; with a ``seed`` it is the first question of an episode."""

    def rows(self, answer: Message, fit: Fit) -> Rows:
        """What was answered; `MessageRefused` when that is no plan."""
