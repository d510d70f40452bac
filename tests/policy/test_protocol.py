import numpy as np

from rove_teleop.policy.protocol import Plan, within_validity


def test_rows_after_a_plans_own_validity_are_not_used():
    plan = Plan(np.array([0.1, 0.2, 0.3]), np.array([4]), np.arange(3.0)[:, None])
    assert within_validity(plan) is plan
    short = within_validity(plan._replace(valid_s=0.2))
    np.testing.assert_array_equal(short.offset_s, [0.1, 0.2])
    np.testing.assert_array_equal(short.q_rad, [[0.0], [1.0]])
    assert within_validity(plan._replace(valid_s=0.05)) is None
    assert within_validity(plan._replace(valid_s=float("nan"))) is None
