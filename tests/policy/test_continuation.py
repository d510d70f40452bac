import numpy as np

from rove_teleop.policy.continuation import FOLLOWED_RAD, PlanBefore
from rove_teleop.policy.protocol import Plan

OFFSET_S = 0.05 * np.arange(1, 17)
JOINTS = np.array([2, 0])
STANDING = np.zeros(3)


def before(slope: float = 0.1, made_s: float = 0.0) -> PlanBefore:
    result = PlanBefore()
    result.remember(made_s, Plan(OFFSET_S, JOINTS, slope * OFFSET_S[:, None] * np.ones(2)))
    return result


def test_the_plan_before_is_shifted_by_its_age_and_weighs_less_the_later():
    q_rad, weight = before().ahead(0.4, STANDING, OFFSET_S, 0.1)
    np.testing.assert_allclose(q_rad[:8], 0.1 * (OFFSET_S[:8, None] + 0.4) * np.ones(2), atol=1e-12)
    np.testing.assert_array_equal(weight[:2], 1.0)
    assert np.all(np.diff(weight[1:8]) < 0.0)
    np.testing.assert_allclose(weight[7:], 0.0, atol=1e-9)


def test_there_is_nothing_to_go_on_from():
    assert PlanBefore().ahead(0.0, STANDING, OFFSET_S, 0.0) is None
    assert before().ahead(0.9, STANDING, OFFSET_S, 0.0) is None, "it is over"
    assert before().ahead(0.65, STANDING, OFFSET_S, 0.2) is None, "it is over before the new plan can be there"
    assert before(made_s=1.0).ahead(0.5, STANDING, OFFSET_S, 0.0) is None, "the clock went back"
    elsewhere = np.array([0.0, 0.0, 2.0 * FOLLOWED_RAD])
    assert before().ahead(0.4, elsewhere, OFFSET_S, 0.0) is None, "somebody else drives"
    other_joint = np.array([0.0, 2.0 * FOLLOWED_RAD, 0.0])
    assert before().ahead(0.4, other_joint, OFFSET_S, 0.0) is not None, "not a joint of this policy"
    forgetful = before()
    forgetful.forget()
    assert forgetful.ahead(0.4, STANDING, OFFSET_S, 0.0) is None
