"""Anything in any order: requests, losses, bad input, bouncing contacts; a small model says what may follow.

The model is the table of tests/handover/test_states.py and what was really fed to the loop, never what the loop says.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rove_teleop.handover.roles import Role
from rove_teleop.handover.states import HUMAN_STATES, REQUESTS, Signal, State
from rove_teleop.types import Authority, Phase

from .handover.test_handover import OPERATOR_MAY
from .handover.test_states import model
from .test_control_loop import DT, ROBOT, N, Rig

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

MODEL = model()
NOTICED = [signal for signal in Signal if signal not in REQUESTS]
GROUPS = list(ROBOT.groups)
STILL = (State.PAUSED, State.HOLD, State.FAULT, State.DONE, State.IDLE)


class Watched(Rig):
    """The rig, which also remembers what it fed."""

    def __init__(self, **options):
        super().__init__(**options)
        self.targets_s, self.pressed_since_s = -np.inf, np.inf

    def feed(self):
        super().feed()
        if self.operator_on and round(self.now_s / DT) % 3 == 0:
            self.targets_s = self.now_s
            self.pressed_since_s = min(self.pressed_since_s, self.now_s) if self.engaged else np.inf

    @property
    def operator_there(self):
        fresh = self.now_s - self.targets_s <= 0.1
        return fresh and self.now_s - self.pressed_since_s >= 0.1 - 1e-9


class Control(RuleBasedStateMachine):
    @initialize(
        takeover=st.sampled_from(["anchored", "blend", "aligned"]),
        protocol=st.sampled_from(["complete", "hand_back", "end"]),
        by_deadman=st.booleans(),
        seed=st.integers(0, 99),
    )
    def begin(self, takeover, protocol, by_deadman, seed):
        self.rig = Watched(seed=seed, takeover=takeover, protocol=protocol)
        self.rig.loop.deadman_takes_over = self.by_deadman = by_deadman
        self.rig.loop.rewind_s = 0.3
        self.granted = False
        self.still_ticks = 0
        self.run(50)
        self.ask(Signal.START)
        self.run(60)

    @property
    def state(self):
        return self.rig.loop.handover.state

    def run(self, ticks):
        for _ in range(ticks):
            before, epoch = self.state, self.rig.loop.handover.epoch
            tick = self.rig.tick()
            self.changed(before, epoch)
            if tick.state in HUMAN_STATES and before not in HUMAN_STATES:
                assert self.by_deadman and self.rig.operator_there, "nobody asked"
                self.granted = True
            elif tick.state is not before:
                assert any(MODEL[before, signal] is tick.state for signal in NOTICED), f"{before} -> {tick.state}"
            if before in HUMAN_STATES and not self.rig.operator_there:
                assert tick.state not in HUMAN_STATES, "a lost operator is lost in the same tick"
            self.granted = self.granted and tick.state in HUMAN_STATES
            self.check(tick)

    def check(self, tick):
        driving = np.any(tick.driver == 2)
        assert not driving or (self.granted and self.rig.operator_there)
        assert tick.authority is not Authority.HUMAN or driving
        assert (tick.phase is Phase.REWIND) == (tick.state is State.REWINDING)
        self.still_ticks = self.still_ticks + 1 if tick.state in STILL else 0
        if tick.state in STILL:
            assert tick.authority in (Authority.HOLD, Authority.STOP)
            assert self.still_ticks < 150 or self.rig.loop.filter.at_rest

    def changed(self, before, epoch):
        """Every change of the lease raises the epoch, and nothing else does."""
        now = self.rig.loop.handover
        if now.state is not before:
            assert now.epoch > epoch or {before, now.state} <= HUMAN_STATES
        assert now.epoch >= epoch

    @rule(
        signal=st.sampled_from(REQUESTS),
        role=st.sampled_from(Role),
        groups=st.none() | st.sets(st.sampled_from(GROUPS)),
    )
    def ask(self, signal, role=Role.SUPERVISOR, groups=None):
        before, epoch = self.state, self.rig.loop.handover.epoch
        refusal = self.rig.loop.request(signal, self.rig.now_s, groups, role)
        following = MODEL[before, signal]
        self.changed(before, epoch)
        if following is None or (role is Role.OPERATOR and signal not in OPERATOR_MAY):
            assert refusal is not None
        if refusal is not None:
            assert len(refusal) > 10
            assert self.state is before
            return
        assert self.state is following
        if signal is Signal.TAKE_OVER:
            assert self.rig.operator_there
            self.granted = True
        self.granted = self.granted and self.state in HUMAN_STATES

    @rule()
    def go_on(self):
        """What a session would ask for next, so that most examples get somewhere."""
        wishes = {
            State.IDLE: Signal.START,
            State.DONE: Signal.START,
            State.FAULT: Signal.ACKNOWLEDGE,
            State.AUTONOMOUS: Signal.PAUSE,
            State.PAUSED: Signal.TAKE_OVER,
            State.HOLD: Signal.TAKE_OVER,
        }
        self.ask(wishes.get(self.state, Signal.GIVE_BACK))

    @precondition(lambda self: self.state in (State.PAUSED, State.HOLD))
    @rule(ticks=st.integers(1, 300))
    def walk_back(self, ticks):
        self.run(120)
        self.ask(Signal.REWIND)
        self.run(ticks)

    @rule(ticks=st.integers(1, 60))
    def wait(self, ticks):
        self.run(ticks)

    @rule()
    def everything_comes_back(self):
        self.rig.policy_on = self.rig.operator_on = self.rig.robot_on = self.rig.engaged = True
        self.rig.still_operator = None
        self.run(40)

    @rule(what=st.sampled_from(["policy_on", "operator_on", "robot_on", "engaged"]))
    def toggle(self, what):
        setattr(self.rig, what, not getattr(self.rig, what))

    @rule(times=st.integers(1, 12), ticks=st.integers(1, 12))
    def bounce(self, times, ticks):
        for _ in range(times):
            self.rig.engaged = not self.rig.engaged
            self.run(ticks)

    @rule(value=st.sampled_from([np.nan, np.inf, -1e308, 1e308, 9.0]), share=st.sampled_from([0.1, 1.0]))
    def bad_targets(self, value, share):
        self.rig.still_operator = np.where(self.rig.rng.random(N) < share, value, self.rig.q)

    @rule(pause_s=st.sampled_from([0.05, 0.15, 2.0]))
    def held_up(self, pause_s):
        self.rig.now_s += round(pause_s / DT) * DT

    @invariant()
    def limits_are_kept(self):
        sent = np.array(getattr(self, "rig", None).sent) if hasattr(self, "rig") else np.empty((0, N))
        if len(sent) > 4:
            assert max(self.rig.ratios().values()) <= 1 + 1e-9
            assert np.all((sent >= ROBOT.q_min_rad) & (sent <= ROBOT.q_max_rad))
            self.rig.sent = self.rig.sent[-3:]


TestControl = Control.TestCase
TestControl.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
