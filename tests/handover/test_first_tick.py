"""Bumpless both ways: what the first tick after a switch changes, beside what a direct switch would."""

import numpy as np
import pytest

from rove_teleop.handover.states import Signal

from ..test_control_loop import DT, ROBOT, Rig

pytestmark = pytest.mark.integration  # long: it runs after the unit tests


def first_tick(rig, signal, k):
    """Means over joints: the change of the first tick, the part that going on as before does not explain, direct."""
    log = np.array(rig.sent[-3:])
    assert rig.ask(signal) is None
    rig.tick()
    going_on = 3 * log[2] - 3 * log[1] + log[0]
    direct = rig.stream(k, rig.now_s) - log[2]
    return [float(np.mean(np.abs(x))) for x in (rig.q - log[2], rig.q - going_on, direct)]


def test_a_still_robot_does_not_move_in_the_first_tick_of_a_takeover():
    rig = Rig(seed=41, protocol="hand_back").started()
    seen = []
    for _ in range(40):
        rig.ask(Signal.PAUSE)
        rig.tick(120)
        seen.append(first_tick(rig, Signal.TAKE_OVER, 1))
        rig.tick(int(rig.rng.integers(1, 100)))
        assert rig.ask(Signal.GIVE_BACK) is None
        rig.tick(int(rig.rng.integers(1, 100)))
    change, _, direct = np.mean(seen, axis=0)
    assert direct > 0.05, "the operator's pose is another one"
    assert change <= 1e-4 * direct


@pytest.mark.parametrize("signal", [Signal.TAKE_OVER, Signal.GIVE_BACK])
def test_a_moving_robot_goes_on_as_it_moved(signal):
    """No more than one tick of the jerk limit, whatever the offset in position, velocity and acceleration."""
    rig = Rig(seed=42, takeover="blend", protocol="hand_back").started()
    rig.frequency *= 3
    seen = []
    for _ in range(60):
        for asked, k in ((Signal.TAKE_OVER, 1), (Signal.GIVE_BACK, 0)):
            rig.tick(int(rig.rng.integers(1, 80)))
            figures = first_tick(rig, asked, k)
            if asked is signal:
                seen.append(figures)
    _, beyond, direct = np.mean(seen, axis=0)
    assert beyond <= np.max(ROBOT.j_max_rad_s3) * DT**3 * (1 + 1e-9)
    assert beyond <= 3e-4 * direct
    assert max(rig.ratios().values()) <= 1 + 1e-9
