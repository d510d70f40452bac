"""The offset starts where it was measured, ends at zero, and stays inside its share of the limits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.handover.blend import BLEND_SHARE, blend_duration, offset_at, progress, quintic

V, A, J = 2.5, 20.0, 600.0


def decay(d, v=0.0, a=0.0):
    duration_s, coefficients = blend_duration(d, v, a, V, A, J), np.zeros(6)
    quintic(d, v, a, duration_s, coefficients)
    return coefficients, duration_s


@given(d=st.floats(-2, 2), v=st.floats(-2, 2), a=st.floats(-15, 15))
def test_meets_the_offset_at_the_switch_and_is_gone_at_rest_at_the_end(d, v, a):
    coefficients, duration_s = decay(d, v, a)
    assert np.allclose(offset_at(coefficients, 0.0), [d, v, a])
    assert np.allclose(offset_at(coefficients, duration_s), 0.0, atol=1e-9)


@given(d=st.floats(-2, 2))
def test_a_pure_position_offset_uses_at_most_its_share_of_the_limits(d):
    coefficients, duration_s = decay(d)
    path = np.array([offset_at(coefficients, t) for t in np.linspace(0.0, duration_s, 200)])
    assert np.max(np.abs(path[:, 1])) <= BLEND_SHARE * V * 1.01
    assert np.max(np.abs(path[:, 2])) <= BLEND_SHARE * A * 1.01


def test_progress_goes_from_nothing_to_all():
    assert progress(-1.0) == progress(0.0) == 0.0
    assert progress(1.0) == progress(7.0) == 1.0
    assert np.all(np.diff([progress(s) for s in np.linspace(0, 1, 50)]) > 0)
