"""The statistics of benchmarks/paper: pooled intervals, paired tests, sentences that admit that nothing shows."""

import importlib
from pathlib import Path

import pytest
from scipy.stats import binomtest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "paper"


@pytest.fixture
def counts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("counts")


def test_success_is_pooled_over_seeds_and_told_for_each(counts):
    found = counts.Success({1: (True,) * 3 + (False,), 0: (False,) * 4})
    assert (found.successes, found.episodes, found.each) == (3, 8, "0 75")
    low, high = found.interval
    assert low < 37.5 < high


def test_pairs_are_of_seeds_that_both_have(counts):
    pair = counts.Paired({0: (True, True, False), 1: (True, True, True)}, {0: (False, True, True), 2: (False,) * 3})
    assert pair.seeds == [0]
    assert (pair.only_one, pair.only_other, pair.points, pair.p_value) == (1, 1, 0.0, 1.0)


def test_a_difference_is_told_with_its_direction_and_p(counts):
    pair = counts.Paired({0: (True,) * 12}, {0: (False,) * 12})
    assert pair.p_value == pytest.approx(binomtest(12, 12, 0.5).pvalue)
    assert "better" in pair.verdict("this", "that")
    assert "worse" in counts.Paired(pair.other, pair.one).verdict("that", "this")


def test_an_absent_effect_is_said_to_be_absent(counts):
    pair = counts.Paired({0: (True, False, True)}, {0: (True, True, False)})
    assert "no difference shows" in pair.verdict("this", "that")
