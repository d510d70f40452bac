import numpy as np

from rove_teleop.handover.alignment import AlignmentGate

GROUPS = {"arm": np.array([0, 1]), "hand": np.array([2])}
ALL = np.ones(3, dtype=bool)


def test_opens_after_the_dwell_names_the_worst_joint_and_closes_with_hysteresis():
    gate = AlignmentGate(GROUPS, enter_rad=0.1, exit_rad=0.2, dwell_s=0.3)
    robot = np.zeros(3)
    far = gate.update(0.0, robot, np.array([0.0, 0.5, 0.05]), ALL)
    assert (far.aligned, far.worst_joint, far.group_error_rad["arm"]) == (False, 1, 0.5)
    near = np.array([0.0, 0.05, 0.05])
    assert not gate.update(1.0, robot, near, ALL).aligned
    assert not gate.update(1.2, robot, near, ALL).aligned
    assert gate.update(1.31, robot, near, ALL).aligned
    assert gate.update(1.4, robot, np.array([0.0, 0.15, 0.0]), ALL).aligned
    assert not gate.update(1.5, robot, np.array([0.0, 0.25, 0.0]), ALL).aligned


def test_nothing_tracked_or_nan_never_aligns():
    gate = AlignmentGate(GROUPS, dwell_s=0.0)
    assert not gate.update(0.0, np.zeros(3), np.zeros(3), ~ALL).aligned
    assert not gate.update(0.1, np.zeros(3), np.array([np.nan, 0, 0]), ALL).aligned
