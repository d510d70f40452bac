import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.models.observation import Normalisation, observe


def test_the_second_block_is_the_lag_of_the_joints():
    measured, commanded, features = np.array([1.0, 2.0]), np.array([1.5, 1.0]), np.array([9.0])
    np.testing.assert_array_equal(observe(measured, commanded, features), [1.0, 2.0, 0.5, -1.0, 9.0])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_deltas_survive_the_round_trip(seed):
    rng = np.random.default_rng(seed)
    delta = rng.normal(size=(20, 4, 3)) * 10.0 ** rng.uniform(-6, 1, size=3)
    norm = Normalisation.fit(rng.normal(size=(20, 5)), delta)
    np.testing.assert_allclose(norm.decode_delta(norm.encode_delta(delta)), delta, atol=1e-12)


def test_constant_inputs_and_still_joints_do_not_divide_by_nothing():
    norm = Normalisation.fit(np.ones((10, 2)), np.zeros((10, 4, 1)))
    assert np.all(norm.encode(np.ones(2)) == 0.0)
    assert np.all(norm.delta_scale_rad == 1e-3)
    assert np.all(np.abs(norm.encode(np.array([1e9, -1e9]))) == 6.0)
