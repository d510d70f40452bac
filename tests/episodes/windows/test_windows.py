import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.episodes.edit.edits import ExcludeEdit, OutcomeEdit, SplitEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.windows.cache import open_cache
from rove_teleop.episodes.windows.selection import AUTHORITY_KEY, Selection
from rove_teleop.episodes.windows.weights import window_weights
from rove_teleop.episodes.windows.windows import PHASE_KEY, Windows
from rove_teleop.errors import UsageError
from rove_teleop.types import Authority, Phase

from ..training_tools import record_ticks

A, AD, R, P, W = Phase.AUTONOMOUS, Phase.ADAPTATION, Phase.RECOVERY, Phase.PAUSED, Phase.REWIND
MEASURED, SENT = "control/q_measured_rad", "control/q_sent_rad"


EVERYTHING = Selection()


def windows_of(root, selection=EVERYTHING, keys=(MEASURED,), rate_hz=250.0, cameras=()):
    return Windows(open_cache(root, [*keys, AUTHORITY_KEY, *cameras], rate_hz), selection, cameras)


def batch_of(windows, horizon=4, key=MEASURED, offsets=None):
    """All windows, with the waist's values as (windows, offsets)."""
    offsets = np.arange(horizon) if offsets is None else np.array(offsets)
    batch = windows.read(np.arange(len(windows)), {key: offsets}, horizon)
    return batch | {key: batch[key][..., 0]}


def test_a_window_ends_with_its_episode(memory_path):
    record_ticks(memory_path, [A] * 6)
    record_ticks(memory_path, [A] * 3, first_tick=100)
    batch = batch_of(windows_of(memory_path))
    assert batch[MEASURED].tolist() == [
        [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 5], [4, 5, 5, 5], [5, 5, 5, 5],
        [100, 101, 102, 102], [101, 102, 102, 102], [102, 102, 102, 102],
    ]  # fmt: skip
    assert batch[f"{MEASURED}_is_pad"].sum(axis=1).tolist() == [0, 0, 0, 1, 2, 3, 1, 2, 3]
    assert batch["steps_ahead"].tolist() == [4, 4, 3, 2, 1, 0, 2, 1, 0]
    assert batch["steps_to_end"].tolist() == [5, 4, 3, 2, 1, 0, 2, 1, 0]
    # The state four steps later exists for the first two starts only; the others end with the episode.
    assert batch["bootstrap"].tolist() == [True, True, *[False] * 7]
    assert (batch["terminal"] == ~batch["bootstrap"]).all()
    assert batch["episode"].tolist() == [0] * 6 + [1] * 3
    assert batch["step"].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize(
    "middle",
    [{"phases": [A] * 5 + [P] * 2 + [R] * 4}, {"phases": [A] * 5 + [W] + [A] * 4}, {"phases": [A] * 9, "lost": [5]}],
)
def test_nothing_is_read_across_a_cut(memory_path, middle):
    """A pause, a rewind and a lost tick end a window without ending the episode: no value may be asked for there."""
    record_ticks(memory_path, **middle)
    batch = batch_of(windows_of(memory_path), horizon=3)
    assert batch[MEASURED].max(axis=1)[:5].tolist() == [2, 3, 4, 4, 4]
    before = batch[MEASURED][:, 0] < 5
    assert not batch["terminal"][before].any()
    assert batch["bootstrap"][before].tolist() == [True, True, False, False, False]
    assert batch["terminal"][-1]


def test_a_pause_between_two_training_steps_cuts(memory_path):
    record_ticks(memory_path, [A] * 11 + [P] * 3 + [A] * 11)
    batch = batch_of(windows_of(memory_path, rate_hz=50.0), horizon=2)
    assert batch[MEASURED].tolist() == [[0, 5], [5, 10], [10, 10], [15, 20], [20, 20]]


def test_history_repeats_the_first_step(memory_path):
    record_ticks(memory_path, [A] * 4)
    batch = batch_of(windows_of(memory_path), offsets=[-2, 0, 1])
    assert batch[MEASURED].tolist() == [[0, 0, 1], [0, 1, 2], [0, 2, 3], [1, 3, 3]]
    assert batch[f"{MEASURED}_is_pad"].tolist() == [
        [True, False, False], [True, False, False], [False, False, False], [False, False, True],
    ]  # fmt: skip


def test_phases_bound_windows_and_start_phases_only_where_they_start(memory_path):
    record_ticks(memory_path, [A] * 3 + [AD] * 2 + [R] * 3)
    only = batch_of(windows_of(memory_path, Selection(phases=["recovery"])), horizon=2)
    assert only[MEASURED].tolist() == [[5, 6], [6, 7], [7, 7]]
    starts = batch_of(windows_of(memory_path, Selection(start_phases=["autonomous"])), horizon=2)
    assert starts[MEASURED].tolist() == [[0, 1], [1, 2], [2, 3]]
    human = batch_of(windows_of(memory_path, Selection(authorities=["human"])), horizon=2)
    assert human[MEASURED][:, 0].tolist() == [3, 4, 5, 6, 7]


def test_steps_without_a_value_are_not_in_windows(memory_path):
    record_ticks(memory_path, [A] * 6, nan_sent=[2])
    assert batch_of(windows_of(memory_path, keys=[SENT]), key=SENT, horizon=2)[SENT].tolist() == [
        [0, 1], [1, 1], [3, 4], [4, 5], [5, 5],
    ]  # fmt: skip
    assert len(windows_of(memory_path, keys=[MEASURED])) == 6
    assert len(windows_of(memory_path, Selection(nan_allowed=[SENT]), keys=[SENT])) == 6


def test_discarded_episodes_are_left_out_unless_named(memory_path):
    record_ticks(memory_path, [A] * 3)
    record_ticks(memory_path, [A] * 4, outcome="discarded")
    assert len(windows_of(memory_path)) == 3
    assert len(windows_of(memory_path, Selection(outcomes=["discarded"]))) == 4


def test_what_people_said_chooses_windows(memory_path):
    first, second = record_ticks(memory_path, [A] * 6), record_ticks(memory_path, [A] * 4, first_tick=100)
    commit_revision(memory_path, open_episode(first), "anna", [ExcludeEdit(2, 4), SplitEdit("train")])
    commit_revision(memory_path, open_episode(second), "anna", [OutcomeEdit("failure"), SplitEdit("test")])
    assert batch_of(windows_of(memory_path), horizon=2)[MEASURED][:5].tolist() == [
        [0, 1],
        [1, 1],
        [4, 5],
        [5, 5],
        [100, 101],
    ]
    assert len(windows_of(memory_path, Selection(outcomes=["failure"]))) == 4
    assert len(windows_of(memory_path, Selection(splits=["train"]))) == 4
    with pytest.raises(UsageError, match=r"no episode is in split 'dev'; there are \['test', 'train'\]"):
        windows_of(memory_path, Selection(splits=["dev"]))


def test_windows_wait_for_a_recent_image(memory_path):
    record_ticks(memory_path, [A] * 60, cameras=["ego"], last_image=16)
    windows = windows_of(memory_path, Selection(max_image_age_s=0.05), cameras=["cameras/ego"])
    starts = batch_of(windows)[MEASURED][:, 0].tolist()
    # The image of tick 16 arrived one tick before it: 0.05 s are twelve ticks and a half.
    assert starts == list(range(28))


def test_a_phase_in_a_batch_is_the_labelled_one(memory_path):
    record_ticks(memory_path, [A, A, R, R])
    windows = windows_of(memory_path)
    batch = windows.read(np.arange(4), {PHASE_KEY: np.arange(2)}, 2)
    assert batch[PHASE_KEY].tolist() == [[0, 0], [0, 2], [2, 2], [2, 2]]
    assert batch["phase"].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (Selection(phases=["walking"]), "no phase 'walking'; there are autonomous, adaptation"),
        (Selection(phases=["paused"]), "'paused' is never trained on"),
        (Selection(authorities=["robot"]), "no authority 'robot'"),
        (Selection(outcomes=["great"]), "no outcome 'great'"),
        (Selection(phases=["unlabelled"]), "no window is left"),
    ],
)
def test_selections_that_fit_nothing_are_refused(memory_path, selection, sentence):
    record_ticks(memory_path, [A] * 4)
    with pytest.raises(UsageError, match=sentence):
        windows_of(memory_path, selection)


def test_no_window_says_why(memory_path):
    record_ticks(memory_path, [A] * 4, nan_sent=range(4))
    with pytest.raises(UsageError, match=f"no window is left of 4 steps: {SENT} not recorded or not finite \\(4\\)"):
        windows_of(memory_path, keys=[SENT])


def test_what_is_left_out_is_counted(memory_path):
    record_ticks(memory_path, [A] * 6 + [P] * 2, nan_sent=[2])
    record_ticks(memory_path, [A] * 4, outcome="discarded")
    windows = windows_of(memory_path, Selection(start_phases=["recovery", "autonomous"]), keys=[SENT])
    assert windows.left_out == {
        "episode not selected": 4,
        "phase not selected": 2,
        f"{SENT} not recorded or not finite": 1,
    }


def test_weights_multiply_by_source(memory_path):
    record_ticks(memory_path, [A] * 2 + [R] * 2, operator="anna")
    record_ticks(memory_path, [A] * 2, operator="bert", outcome="failure")
    windows = windows_of(memory_path)
    weight = window_weights(windows, {"phase=recovery": 3.0, "operator=bert": 0.5, "outcome=success": 2.0})
    assert weight.tolist() == [2, 2, 6, 6, 0.5, 0.5]
    by_function = window_weights(windows, lambda sources: (sources.authority == Authority.HUMAN) + sources.episode)
    assert by_function.tolist() == [0, 0, 1, 1, 1, 1]
    for source, sentence in (
        ("phase=adaptation", "no window is of it"),
        ("color=red", "field=value"),
        ("human", "field=value"),
    ):
        with pytest.raises(UsageError, match=sentence):
            window_weights(windows, {source: 2.0})


def test_an_episode_without_rows_has_no_window(memory_path):
    record_ticks(memory_path, [])
    record_ticks(memory_path, [A] * 3)
    record_ticks(memory_path, [])
    batch = batch_of(windows_of(memory_path))
    assert batch["episode"].tolist() == [1, 1, 1]
    assert batch["terminal"].all()


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_windows_are_what_a_person_would_cut(tmp_path_factory, data):
    """Beside the slow way: walk forward from every row until something stops."""
    root = tmp_path_factory.mktemp("windows")
    count = data.draw(st.integers(1, 40))
    phases = data.draw(st.lists(st.sampled_from([A, A, AD, R, P, W]), min_size=count, max_size=count))
    lost = data.draw(st.sets(st.integers(1, max(1, count - 1)), max_size=3)) - {0}
    path = record_ticks(root, phases, lost=lost, first_tick=10)
    ratio = data.draw(st.sampled_from([1, 2, 5]))
    rows = [place for place in range(count) if place not in lost]
    free = {place for place in rows if phases[place] not in (P, W)}
    expected = []
    for start in range(0, count, ratio):
        if start in free:
            reach = [start]
            while all(place in free for place in range(reach[-1], reach[-1] + ratio + 1)):
                reach.append(reach[-1] + ratio)
            expected.append([10 + place for place in (reach + [reach[-1]] * 4)[:4]])
    if not expected:
        with pytest.raises(UsageError):
            windows_of(root, rate_hz=250.0 / ratio)
        return
    assert path.exists()
    assert batch_of(windows_of(root, rate_hz=250.0 / ratio))[MEASURED].tolist() == expected
