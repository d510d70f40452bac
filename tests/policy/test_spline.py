import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.policy.spline import Curve

rows = st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=8)


@given(rows, st.floats(-1.0, 2.0))
@settings(max_examples=300, deadline=None)
def test_it_stays_between_its_rows_and_ends_in_them(values, at_s):
    q_rad = np.array(values)[:, None]
    stamp_s = 0.1 * np.arange(len(values))
    curve = Curve(stamp_s, q_rad)
    assert min(values) - 1e-9 <= curve.at(at_s)[0] <= max(values) + 1e-9
    np.testing.assert_allclose(curve.at(-1.0), q_rad[0], atol=1e-12)
    np.testing.assert_allclose(curve.at(5.0), q_rad[-1], atol=1e-12)


@given(rows.filter(lambda values: len(values) > 1))
@settings(max_examples=100, deadline=None)
def test_position_velocity_and_acceleration_have_no_kink(values):
    step_s = 0.1
    curve = Curve(step_s * np.arange(len(values)), np.array(values)[:, None])
    fine_s = 1e-3
    said = curve.rows(np.arange(0.0, step_s * (len(values) - 1), fine_s))[:, 0]
    # The third derivative of a B-spline is at most 8 times the largest row over the cube of the step.
    assert np.all(np.abs(np.diff(said, 3)) <= 1.01 * fine_s**3 * 8.0 * max(map(abs, values)) / step_s**3 + 1e-12)


def test_a_straight_line_stays_one_and_noise_is_damped():
    stamp_s = 0.05 * np.arange(16)
    line = np.linspace(0.0, 1.0, 16)[:, None] * np.array([1.0, -2.0])
    at_s = np.linspace(0.0, 0.75, 100)
    np.testing.assert_allclose(Curve(stamp_s, line).rows(at_s), (at_s / 0.75)[:, None] * [1.0, -2.0], atol=1e-12)
    saw = np.where(np.arange(16) % 2, 1.0, -1.0)[:, None]
    np.testing.assert_allclose(np.abs(Curve(stamp_s, saw).rows(stamp_s[2:-2])), 1.0 / 3.0)


def test_rows_of_uneven_times_are_reached_in_their_order():
    curve = Curve(np.array([0.0, 0.1, 0.5, 0.51]), np.array([[0.0], [1.0], [2.0], [3.0]]))
    said = curve.rows(np.linspace(0.0, 0.51, 200))[:, 0]
    assert np.all(np.diff(said) >= 0.0)
