"""Arbitration: turns requests and what the loop notices into a state, and a state into a driver per joint group."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from ..types import Authority
from .roles import MAY_ASK, Role
from .states import (
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
Driver = Literal["policy", "operator", "rewind"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the loop knows about its inputs at this tick; each sentence is None when there is nothing to complain of."""

    policy_missing: str | None
    operator_missing: str | None
    robot_missing: str | None
    misaligned: str | None
    rewind_missing: str | None = None


class Handover:
    """One lease, one driver. People's requests are refused with a sentence; what the loop notices is never refused."""

    def __init__(self, takeover: TakeoverMode = "anchored", protocol: Protocol = "complete") -> None:
        self.takeover, self.protocol = takeover, protocol
        self.state = State.IDLE
        self.reason = "waiting for a session to start an episode"
        self.outcome: Signal | None = None
        self.taken_over = False
        self.epoch = 0
        self.taken_groups: frozenset[str] | None = None

    def request(
        self,
        signal: Signal,
        ready: Readiness,
        groups: Collection[str] | None = None,
        role: Role = Role.SUPERVISOR,
    ) -> str | None:
        """Apply a person's request; return None when it was taken, or the sentence that says why not.

        ``groups`` are the joint groups that a takeover takes (None: all); the policy goes on driving the others.
        """
        if signal not in MAY_ASK[role]:
            return f"'{signal}' is not for the {role} to ask (they may ask for: {', '.join(MAY_ASK[role])})"
        if (self.state, signal) not in TRANSITIONS:
            can = ", ".join(allowed(self.state)) or "nothing"
            return f"'{signal}' does not apply in state {self.state.name.lower()} (possible: {can})"
        refusal = self._guard(signal, ready)
        if refusal is None:
            if signal is Signal.TAKE_OVER:
                self.taken_groups = None if groups is None else frozenset(groups)
            self._enter(TRANSITIONS[self.state, signal], signal, REASON_OF_REQUEST[signal])
        return refusal

    def notice(self, signal: Signal, reason: str) -> bool:
        """Apply something the loop noticed; True when it changed the state."""
        following = TRANSITIONS.get((self.state, signal))
        if following is None:
            return False
        self._enter(following, signal, reason)
        return True

    @property
    def driver(self) -> Driver | None:
        """Who should drive in the present state; None: the robot stops and holds."""
        if self.state in HUMAN_STATES:
            return "operator"
        if self.state is State.REWINDING:
            return "rewind"
        return "policy" if self.state in POLICY_STATES else None

    def driver_of(self, group: str) -> Driver | None:
        """Who should drive a joint group: after a partial takeover the policy keeps the groups that were not taken."""
        partly = self.driver == "operator" and self.taken_groups is not None
        return "policy" if partly and group not in (self.taken_groups or ()) else self.driver

    @property
    def idle_authority(self) -> Authority:
        """What a tick is called in which nobody drives."""
        return Authority.STOP if self.state in (State.FAULT, State.DONE, State.IDLE) else Authority.HOLD

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
        if signal is Signal.REWIND:
            return ready.rewind_missing
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
        self.state, self.reason = state, reason
