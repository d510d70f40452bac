"""What the loop sent comes out again, to the bit: with takeovers, partial ones, losses, faults and bad input."""

import numpy as np
import pytest

from rove_teleop.control.tick_row import TickRow
from rove_teleop.episodes.layout import control_dtype
from rove_teleop.filter_lab.replay import difference, live_path, read_rows, replay
from rove_teleop.handover.states import Signal

from ..test_control_loop import ROBOT, Rig


class Recorder(Rig):
    """The rig of the control loop's tests, with its ticks as the rows of an episode."""

    def __init__(self, seed, **options):
        super().__init__(seed, **options)
        self.rows = []
        self._packer = TickRow(ROBOT.joint_count, len(ROBOT.groups))

    def tick(self, ticks=1):
        for _ in range(ticks):
            result = super().tick()
            self.rows.append(self._packer.pack(result, 1, len(self.rows), 0.0))
        return result

    def episode(self):
        dtype = control_dtype(ROBOT.joint_count, len(ROBOT.groups))
        rows = np.frombuffer(b"".join(self.rows), dtype)
        return {name: rows[name] for name in dtype.names}


def started(seed, **options):
    rig = Recorder(seed, takeover="blend", protocol="hand_back", **options)
    rig.tick(5)
    rig.q = rig.q + rig.rng.normal(0, 1e-3, len(rig.q))
    rig.tick()
    assert rig.ask(Signal.START) is None
    rig.rows.clear()
    return rig


@pytest.mark.parametrize("seed", range(5))
def test_a_recorded_episode_is_replayed_to_the_bit(seed):
    rig = started(seed)
    groups = list(ROBOT.groups)
    for _ in range(40):
        rig.tick(int(rig.rng.integers(1, 80)))
        choice = rig.rng.random()
        if choice < 0.3:
            some = [g for g in groups if rig.rng.random() < 0.5]
            rig.loop.request(Signal.TAKE_OVER, rig.now_s, some or None)
        elif choice < 0.5:
            rig.ask(Signal.GIVE_BACK)
        elif choice < 0.6:
            rig.ask(Signal.PAUSE)
        elif choice < 0.7:
            rig.policy_on = not rig.policy_on
        elif choice < 0.8:
            rig.engaged = not rig.engaged
        elif choice < 0.9:
            rig.robot_on = False
            rig.tick(int(rig.rng.integers(5, 90)))
            rig.robot_on = True
            rig.tick(150)
            rig.ask(Signal.ACKNOWLEDGE)
        else:
            rig.still_operator = (
                None if rig.still_operator is not None else np.where(rig.rng.random(50) < 0.1, np.nan, rig.q)
            )
    recorded = read_rows(rig.episode(), ROBOT)
    assert recorded.flaw is None
    assert difference(recorded, replay(recorded, live_path(ROBOT), ROBOT)) is None


def test_a_wrong_bit_or_a_missing_row_is_told():
    rig = started(9)
    rig.tick(400)
    rows = {name: np.array(values) for name, values in rig.episode().items()}
    rows["q_sent_rad"][200, 7] = np.nextafter(rows["q_sent_rad"][200, 7], 9.0)
    recorded = read_rows(rows, ROBOT)
    said = difference(recorded, replay(recorded, live_path(ROBOT), ROBOT))
    assert said is not None and "1 of 400 rows differ, the first is row 200" in said
    gap = {name: np.delete(values, 100, axis=0) for name, values in rows.items()}
    assert read_rows(gap, ROBOT).flaw == "1 gaps in the rows, the first after row 99"
