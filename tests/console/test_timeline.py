"""The band of phases: ordered, inside the window, never filling in a silence."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.console.timeline import PHASES, Timeline
from rove_teleop.types import Phase

steps = st.lists(
    st.tuples(st.floats(0.0, 3.0), st.sampled_from([*PHASES, "nonsense"]), st.integers(1, 3)), min_size=1, max_size=60
)


@given(steps, st.floats(0.0, 100.0))
def test_segments_are_ordered_disjoint_known_and_inside_the_window(samples, later_s):
    timeline, now_s = Timeline(window_s=20.0, gap_s=0.5), 1000.0
    for wait_s, phase, episode in samples:
        now_s += wait_s
        timeline.add(now_s, phase, episode)
    segments = timeline.segments(now_s + later_s)
    for segment in segments:
        assert segment.phase in PHASES
        assert 20.0 >= segment.start_ago_s >= segment.end_ago_s >= 0.0
    for earlier, next_one in pairwise(segments):
        assert earlier.end_ago_s >= next_one.start_ago_s - 1e-9


@given(steps)
def test_time_shown_is_the_time_between_samples_that_were_close(samples):
    timeline, now_s, close_s = Timeline(window_s=1e6, gap_s=0.5), 1000.0, 0.0
    for k, (wait_s, phase, episode) in enumerate(samples):
        now_s += wait_s
        timeline.add(now_s, phase, episode)
        close_s += wait_s if k > 0 and wait_s <= 0.5 else 0.0
    shown_s = sum(segment.start_ago_s - segment.end_ago_s for segment in timeline.segments(now_s))
    assert shown_s == pytest.approx(close_s, abs=1e-6)


def test_steady_samples_are_one_segment_and_an_episode_begins_another():
    timeline = Timeline()
    for k in range(100):
        timeline.add(0.05 * k, "autonomous", 1 if k < 60 else 2)
    first, second = timeline.segments(5.0)
    assert (first.episode, second.episode) == (1, 2)
    assert first.start_ago_s == pytest.approx(5.0)
    assert first.end_ago_s == pytest.approx(second.start_ago_s)


def test_memory_is_bounded_by_runs():
    timeline = Timeline(max_runs=50)
    for k in range(10_000):
        timeline.add(0.001 * k, PHASES[k % 2], 1)
    assert len(timeline.segments(10.0)) == 50


def test_every_phase_that_control_says_is_shown_as_itself():
    for phase in Phase:
        timeline = Timeline()
        timeline.add(1.0, phase.name.lower(), 1)
        assert [segment.phase for segment in timeline.segments(1.0)] == [phase.name.lower()]
