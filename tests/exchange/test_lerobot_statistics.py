"""Statistics against numpy, on anything."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rove_teleop.exchange.lerobot_statistics import QUANTILES, column_statistics, image_statistics, merged

NUMBERS = st.floats(-1e3, 1e3, width=32) | st.just(np.nan)


@given(arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=NUMBERS))
@settings(max_examples=60, deadline=None)
def test_columns_match_numpy_over_what_is_finite(values):
    got = column_statistics(values)
    for column in range(values.shape[1]):
        known = values[:, column][np.isfinite(values[:, column])].astype(np.float64)
        expected = {"min": 0.0, "max": 0.0, "mean": 0.0, "std": 0.0, **dict.fromkeys(QUANTILES, 0.0)}
        if len(known):
            expected = {"min": known.min(), "max": known.max(), "mean": known.mean(), "std": known.std()}
            expected |= {name: np.quantile(known, share) for name, share in QUANTILES.items()}
        for name, value in expected.items():
            np.testing.assert_allclose(got[name][column], value, rtol=1e-5, atol=1e-5, err_msg=name)
    assert got["count"].tolist() == [len(values)]


def test_whole_numbers_keep_every_digit():
    index = np.arange(2**25, 2**25 + 3)
    assert column_statistics(index)["max"].tolist() == [2**25 + 2]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_merging_is_as_exact_as_it_can_be(lengths):
    rng = np.random.default_rng(sum(lengths))
    parts = [rng.normal(size=(length, 2)) for length in lengths]
    got = merged([{"a": column_statistics(part)} for part in parts])["a"]
    whole = np.concatenate(parts)
    np.testing.assert_allclose(got["mean"], whole.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(got["std"], whole.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(got["min"], whole.min(axis=0), atol=1e-6)
    assert got["count"].tolist() == [len(whole)]


def test_images_are_scaled_to_one_per_colour():
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    got = image_statistics([red, red])
    assert got["mean"].shape == (3, 1, 1)
    assert got["max"].reshape(3).tolist() == [1.0, 0.0, 0.0]
    assert got["count"].tolist() == [2]
