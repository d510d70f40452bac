"""Arbitration: turns requests and what the loop notices into a state, and a state into one bumpless reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Authority
from .blend import OffsetDecay
from .states import (
    EPISODE_STATES,
    HUMAN_STATES,
    OUTCOMES,
    POLICY_STATES,
    REASON_OF_REQUEST,
    TRANSITIONS,
    Signal,
    State,
    allowed,
)

TakeoverMode = Literal["aligned", "anchored", "blend"]
Protocol = Literal["complete", "hand_back", "end"]
Driver = Literal["policy", "operator"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the loop knows about its inputs at this tick; each sentence is None when there is nothing to complain of."""

    policy_missing: str | None
    operator_missing: str | None
    robot_missing: str | None
    misaligned: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The reference (3, n) to follow, or None to stop; who computed it; the operator's weight per group (g,)."""

    reference: Array | None
    authority: Authority
    weight: Array
    handover: str | None = None


class Handover:
    """One lease, one driver. People's requests are refused with a sentence; what the loop notices is never refused."""

    def __init__(
        self,
        groups: Mapping[str, NDArray[np.int64]],
        decay: OffsetDecay,
        takeover: TakeoverMode = "anchored",
        protocol: Protocol = "complete",
    ) -> None:
        self.groups, self.takeover, self.protocol = groups, takeover, protocol
        self.state = State.IDLE
        self.reason = "waiting for a session to start an episode"
        self.outcome: Signal | None = None
        self.taken_over = False
        self.epoch = 0
        self.decay = decay
        self._driver: Driver | None = None
        self._weight = np.zeros(len(groups))
        self._weight_from = self._weight.copy()

    def request(self, signal: Signal, ready: Readiness) -> str | None:
        """Apply a person's request; return None when it was taken, or the sentence that says why not."""
        if (self.state, signal) not in TRANSITIONS:
            can = ", ".join(allowed(self.state)) or "nothing"
            return f"'{signal}' does not apply in state {self.state.name.lower()} (possible: {can})"
        refusal = self._guard(signal, ready)
        if refusal is None:
            self._enter(TRANSITIONS[self.state, signal], signal, REASON_OF_REQUEST[signal])
        return refusal

    def notice(self, signal: Signal, reason: str) -> bool:
        """Apply something the loop noticed; True when it changed the state."""
        following = TRANSITIONS.get((self.state, signal))
        if following is None:
            return False
        self._enter(following, signal, reason)
        return True

    def step(self, now_s: float, motion: Array, sources: Mapping[Driver, Array | None]) -> Decision:
        """Choose this tick's reference.

        Args:
            now_s: the loop's monotonic time.
            motion: (3, n) commanded position, velocity, acceleration of the last tick.
            sources: per driver its smoothed (3, n) motion, or None when it has nothing to say now.
        """
        wanted = self._wanted_driver()
        source = sources[wanted] if wanted is not None else None
        if source is None or wanted is None:
            self._driver = None
            self._weight = np.zeros(len(self.groups))
            return Decision(None, self._idle_authority(), self._weight)
        handover = None
        if wanted != self._driver:
            handover = self._switch(wanted, now_s, motion - source)
        reference = source + self.decay.at(now_s)
        self._weight = self._blend_weight(now_s, wanted)
        return Decision(reference, _AUTHORITY[wanted], self._weight, handover)

    def finished_returning(self, now_s: float) -> bool:
        """True when the way back to the policy is complete."""
        return self.state is State.RETURNING and self._driver == "policy" and self.decay.finished(now_s)

    def _wanted_driver(self) -> Driver | None:
        if self.state in HUMAN_STATES:
            return "operator"
        return "policy" if self.state in POLICY_STATES else None

    def _idle_authority(self) -> Authority:
        return Authority.STOP if self.state in (State.FAULT, State.DONE, State.IDLE) else Authority.HOLD

    def _switch(self, wanted: Driver, now_s: float, offset: Array) -> str:
        self.decay.start(now_s, offset)
        self._weight_from = self._weight.copy()
        self._driver = wanted
        return "takeover" if wanted == "operator" else "return" if self.taken_over else "start"

    def _blend_weight(self, now_s: float, wanted: Driver) -> Array:
        progress = self.decay.progress(now_s)
        per_group = np.array([progress[index[0]] for index in self.groups.values()])
        goal = 1.0 if wanted == "operator" else 0.0
        weight: Array = self._weight_from + (goal - self._weight_from) * per_group
        return weight

    def _guard(self, signal: Signal, ready: Readiness) -> str | None:
        if signal is Signal.START:
            return ready.robot_missing
        if signal is Signal.ACKNOWLEDGE:
            return ready.robot_missing
        if signal is Signal.TAKE_OVER:
            if self.takeover != "blend" and self.state in POLICY_STATES:
                return f"pause first: takeover mode '{self.takeover}' switches from a robot that stands still"
            if self.takeover == "aligned" and ready.operator_missing is None:
                return ready.misaligned
            return ready.operator_missing
        if signal is Signal.GIVE_BACK:
            if self.taken_over and self.protocol != "hand_back":
                return f"protocol '{self.protocol}': after a takeover the operator ends the episode"
            return ready.policy_missing
        return None

    def _enter(self, state: State, signal: Signal, reason: str) -> None:
        if signal is Signal.START:
            self.outcome, self.taken_over = None, False
        if signal in OUTCOMES:
            self.outcome = signal
        self.taken_over = self.taken_over or state in HUMAN_STATES
        # Whoever leaves EPISODE_STATES or changes the driver ends the lease of the one before.
        if state is not self.state and not {state, self.state} <= HUMAN_STATES:
            self.epoch += 1
        if state not in EPISODE_STATES:
            self._driver = None
        self.state, self.reason = state, reason


_AUTHORITY: dict[Driver, Authority] = {"policy": Authority.POLICY, "operator": Authority.HUMAN}
