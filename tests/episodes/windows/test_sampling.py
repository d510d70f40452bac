import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.windows.sampling import Batches, drawn, shuffled, summed_weights
from rove_teleop.errors import UsageError


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**64), st.integers(0, 1000))
def test_a_shuffle_holds_everything_once(count, seed, epoch):
    assert sorted(shuffled(np.arange(count), count, seed, epoch).tolist()) == list(range(count))


def test_the_shuffle_is_the_same_on_every_machine_and_in_every_version():
    assert shuffled(np.arange(8), 1000, 7, 3).tolist() == PINNED


PINNED = [791, 759, 543, 362, 832, 523, 849, 5]


def test_the_shuffle_is_even():
    """Where an element lands, and who its neighbour is, over many epochs: chi-square within five sigma."""
    count, epochs = 12, 1000
    places = np.zeros((count, count))
    follows = np.zeros((count, count))
    for epoch in range(epochs):
        order = shuffled(np.arange(count), count, 1, epoch)
        places[np.arange(count), order] += 1
        follows[order[:-1], order[1:]] += 1
    for table, expected in ((places, epochs / count), (follows + np.diag([np.nan] * count), epochs / count)):
        cells = table[np.isfinite(table)]
        chi_square = float(np.sum((cells - expected) ** 2) / expected)
        assert abs(chi_square - len(cells)) < 5.0 * np.sqrt(2.0 * len(cells))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 6), st.integers(1, 40), st.integers(0, 9))
def test_ranks_share_an_epoch_without_overlap(windows, world, batch_size, epoch):
    world = min(world, windows)
    ranks = [Batches(windows, batch_size, seed=5, rank=rank, world=world) for rank in range(world)]
    taken = [np.concatenate(list(rank.epoch(epoch))) for rank in ranks]
    assert len({len(rank) for rank in ranks}) == 1
    assert {len(numbers) for numbers in taken} == {windows // world}
    everything = np.concatenate(taken)
    assert len(set(everything.tolist())) == len(everything) == windows - windows % world


def test_a_run_goes_on_at_any_batch():
    batches = Batches(1000, 64, seed=3, rank=1, world=2)
    whole = list(batches.epoch(4))
    rest = list(batches.epoch(4, first_batch=5))
    assert [batch.tolist() for batch in whole[5:]] == [batch.tolist() for batch in rest]
    assert whole[0].tolist() != next(batches.epoch(5)).tolist()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60).filter(lambda listed: sum(listed) > 0.1), st.integers(0, 99)
)
def test_draws_keep_to_the_weights(weight, epoch):
    weight = np.array(weight)
    cumulative = summed_weights(weight)
    counts = np.bincount(drawn(np.arange(len(weight)), cumulative, 1, epoch), minlength=len(weight))
    expected = weight * len(weight) / weight.sum()
    # One draw per equal piece of the whole: each window gets its share up to the two pieces it shares with neighbours.
    assert np.all(np.abs(counts - expected) < 2.0)
    assert not counts[weight == 0.0].any()


def test_equal_weights_draw_nearly_everything_once():
    counts = np.bincount(drawn(np.arange(500), summed_weights(np.ones(500)), 1, 1), minlength=500)
    assert counts.tolist() == [1] * 500


@pytest.mark.parametrize("weight", [[0.0, 0.0], [], [1.0, -1.0], [1.0, float("nan")]])
def test_weights_that_cannot_be_are_refused(weight):
    with pytest.raises(UsageError, match="weight"):
        summed_weights(np.array(weight))


@pytest.mark.parametrize(("windows", "batch_size", "rank", "world"), [(1, 4, 0, 2), (9, 0, 0, 1), (9, 4, 2, 2)])
def test_shares_that_cannot_be_are_refused(windows, batch_size, rank, world):
    with pytest.raises(UsageError):
        Batches(windows, batch_size, rank=rank, world=world)
