"""Targets ahead, beside a loop that walks them one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.rounds.episode_steps import chunk_rows, kind_of


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 8))
def test_rows_ahead_stop_before_the_next_cut(cuts, horizon):
    cut_before = np.array([False, *cuts[1:]])
    found = chunk_rows(cut_before, horizon)
    for start, row in enumerate(found.tolist()):
        at, expected = start, []
        for _ in range(horizon):
            at = at + 1 if at + 1 < len(cuts) and not cut_before[at + 1] else at
            expected.append(at)
        assert row == expected


def test_a_demonstration_is_a_person_from_start_to_end():
    assert kind_of(np.array([2, 2, 1, 2], np.uint8)) == "demonstration"
    assert kind_of(np.array([0, 0], np.uint8)) == "rollout"
    assert kind_of(np.array([0, 1, 2], np.uint8)) == kind_of(np.array([2, 0, 0], np.uint8)) == "intervention"
