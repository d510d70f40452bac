"""The offset starts where it was measured, ends at zero, and stays inside its share of the limits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.handover.blend import BLEND_SHARE, OffsetDecay

V, A, J = np.array([2.5]), np.array([20.0]), np.array([600.0])


def decay(d, v=0.0, a=0.0):
    result = OffsetDecay({"arm": np.array([0])}, V, A, J)
    result.start(3.0, np.array([[d], [v], [a]]))
    return result


@given(d=st.floats(-2, 2), v=st.floats(-2, 2), a=st.floats(-15, 15))
def test_meets_the_offset_at_the_switch_and_is_gone_at_the_end(d, v, a):
    blend = decay(d, v, a)
    assert np.allclose(blend.at(3.0)[:, 0], [d, v, a])
    end_s = 3.0 + float(blend.duration_s[0])
    assert np.allclose(blend.at(end_s - 1e-9)[:, 0], 0.0, atol=1e-5)
    assert not blend.at(end_s + 1e-9).any()
    assert blend.progress(3.0)[0] == 0.0
    assert blend.finished(end_s + 1e-9)


@given(d=st.floats(-2, 2))
def test_a_pure_position_offset_uses_at_most_its_share_of_the_limits(d):
    blend = decay(d)
    times = np.linspace(3.0, 3.0 + float(blend.duration_s[0]), 200)
    path = np.array([blend.at(t)[:, 0] for t in times])
    assert np.max(np.abs(path[:, 1])) <= BLEND_SHARE * V[0] * 1.01
    assert np.max(np.abs(path[:, 2])) <= BLEND_SHARE * A[0] * 1.01


def test_joints_of_a_group_arrive_together():
    blend = OffsetDecay({"arm": np.array([0, 1])}, np.ones(2), np.ones(2), np.ones(2))
    blend.start(0.0, np.array([[1.0, 0.01], [0, 0], [0, 0]]))
    assert blend.duration_s[0] == blend.duration_s[1]
