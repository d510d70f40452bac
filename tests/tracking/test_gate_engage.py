"""After any loss, whatever follows it, an operator is engaged again only when the deadman was released before."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from rove_teleop.tracking.gate import FrameGate, GateLimits
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.types import SIDES, HandFrame

from .operator_frames import DT, frame, hand, head

PARTS = st.sampled_from(SIDES)
PRESSED = st.booleans()
STILL_S = 0.49
"""Not a whole number of frames, so that the model needs no rounding."""


class Stream(RuleBasedStateMachine):
    """A device that works, fails and comes back in any order; ``lost`` is all that the model remembers."""

    @initialize()
    def begin(self):
        self.gate = FrameGate(GateLimits(max_still_s=STILL_S))
        self.k, self.now_s, self.space, self.lost = 0, 100.0, 0, False
        self.x = {"left": 0.0, "right": 0.0, "head": 0.0}
        self.send(True)

    def send(self, pressed, dt_s=DT, loss=False, **parts):
        """One frame that is to be taken; ``parts`` replaces what the device sees."""
        self.k, self.now_s = self.k + 1, self.now_s + dt_s
        usual = {side: hand(self.x[side], side, noise=2 * self.k + (side == "left")) for side in SIDES}
        self.newest = frame(
            self.k,
            engaged=pressed,
            stamp_s=self.now_s,
            space=self.space,
            **usual | {"head": head(self.x["head"])} | parts,
        )
        checked = self.gate.check(self.newest, self.now_s)
        self.lost = (self.lost or loss) and pressed
        assert checked is not None
        assert checked.engaged == (pressed and not self.lost), (self.gate.rejected, self.gate.trouble)
        assert self.gate.engaged == checked.engaged
        if self.lost:
            assert self.gate.trouble is not None and self.gate.trouble.endswith("let go and take over again")
        return checked

    @rule(count=st.integers(1, 30), pressed=PRESSED)
    def works(self, count, pressed):
        for _ in range(count):
            self.send(pressed)

    @rule(part=st.sampled_from(["left", "right", "head"]), far_m=st.floats(0.3, 3.0), pressed=PRESSED)
    def jumps(self, part, far_m, pressed):
        self.x[part] += far_m if self.x[part] < 0 else -far_m
        checked = self.send(pressed, loss=True)
        self.send(pressed, loss=True)
        now = checked.T_world_head if part == "head" else checked.hand(part).T_world_wrist
        assert now is None

    @rule(part=st.sampled_from(["left", "right", "head"]), count=st.integers(1, 50), pressed=PRESSED)
    def loses(self, part, count, pressed):
        for _ in range(count):
            self.send(pressed, loss=True, **{part: None if part == "head" else HandFrame()})
        self.send(pressed, loss=True)

    @rule(side=PARTS, pressed=PRESSED)
    def loses_the_fingers(self, side, pressed):
        self.send(pressed, loss=True, **{side: HandFrame(hand(self.x[side], side, noise=self.k).T_world_wrist)})
        self.send(pressed, loss=True)

    @rule(side=PARTS, pressed=PRESSED)
    def damages(self, side, pressed):
        self.send(pressed, loss=True, **{side: HandFrame(np.full((4, 4), np.nan), hand_points(side, 0.2))})
        self.send(pressed, loss=True)

    @rule(side=PARTS, pressed=PRESSED)
    def mirrors(self, side, pressed):
        wrong = hand_points("left" if side == "right" else "right", 0.3)
        self.send(pressed, loss=True, **{side: HandFrame(hand(self.x[side], side).T_world_wrist, wrong)})
        self.send(pressed, loss=True)

    @rule(side=PARTS, pressed=PRESSED)
    def resizes(self, side, pressed):
        wrist = hand(self.x[side], side, noise=self.k).T_world_wrist
        self.send(pressed, loss=True, **{side: HandFrame(wrist, hand_points(side, 0.2) * 1.3)})
        self.send(pressed, loss=True)  # it changes back, which is as bad
        self.send(pressed, loss=True)

    @rule(side=PARTS)
    def freezes(self, side):
        stuck = hand(self.x[side], side, noise=10**6 + self.k)
        for k in range(40):
            self.send(True, loss=k * DT > STILL_S, **{side: stuck})
        self.send(True, loss=True)

    @rule(pressed=PRESSED)
    def swaps(self, pressed):
        left, right = (hand(self.x[side], side, noise=self.k).T_world_wrist for side in SIDES)
        self.send(pressed, loss=True, left=HandFrame(right), right=HandFrame(left))
        self.send(pressed, loss=True)  # they change back, which is as bad
        self.send(pressed, loss=True)

    @rule(pressed=PRESSED, far_m=st.floats(-2.0, 2.0))
    def recenters(self, pressed, far_m):
        self.space += 1
        self.x = {part: x + far_m for part, x in self.x.items()}
        self.send(pressed, loss=True)

    @rule(pressed=PRESSED, gap_s=st.floats(0.51, 60.0))
    def pauses(self, pressed, gap_s):
        self.send(pressed, dt_s=gap_s, loss=True)

    @rule(pressed=PRESSED)
    def restarts(self, pressed):
        self.k, self.space = -1, self.space + 1
        self.send(pressed, loss=True)

    @rule(pressed=PRESSED, back_s=st.floats(0.5, 1000.0))
    def clock_goes_back(self, pressed, back_s):
        self.send(pressed, dt_s=-back_s, loss=True)

    @rule()
    def is_late(self):
        self.now_s += DT
        assert self.gate.check(frame(self.k + 1, stamp_s=self.now_s - 0.25), self.now_s) is None
        assert not self.gate.engaged
        self.lost = True

    @rule(back=st.integers(0, 5))
    def repeats(self, back):
        before = self.gate.engaged
        assert self.gate.check(frame(max(self.k - back, 0), space=self.space, stamp_s=self.now_s), self.now_s) is None
        assert self.gate.engaged == before

    @rule(stamp_s=st.sampled_from([np.nan, np.inf, -np.inf]))
    def sends_nonsense(self, stamp_s):
        before = self.gate.engaged
        assert self.gate.check(frame(self.k + 1, stamp_s=stamp_s), self.now_s) is None
        assert self.gate.engaged == before


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
