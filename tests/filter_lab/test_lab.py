"""``rove lab run``: the live path to the bit, the loop's own scorecards, smoother is later, the same files twice."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.command_filter.prefilters import OneEuro
from rove_teleop.control.motion_path import OPERATOR
from rove_teleop.control.path_config import Blend, PathConfig
from rove_teleop.episodes.attributes import attributes_crc32c
from rove_teleop.errors import ConfigInvalid, DatasetInvalid, UsageError
from rove_teleop.filter_lab.candidates import Candidate, load_candidates, shifted
from rove_teleop.filter_lab.cases import first_ticks, load_cases
from rove_teleop.filter_lab.lab import as_dict, run_lab
from rove_teleop.filter_lab.scores import CARD_KEYS, score
from rove_teleop.robots.description import load_robot

from .recorded import handed_over, record_episode, record_stream

pytestmark = pytest.mark.integration  # long: it runs after the unit tests

ROBOT = load_robot("iron_r01")
UNUSUAL = PathConfig(
    smoothing_rad_s=70.0, smoothing_damping=0.6, prefilter=OneEuro(2.0, 1.0), blend=Blend(share=0.4), jerk_share=0.7
)
CANDIDATES = """
candidates:
  smooth: {smoothing_rad_s: 15}
  quick: {smoothing_rad_s: 120, smoothing_damping: 0.5}
  euro: {prefilter: {kind: one_euro, min_cutoff_hz: 0.5, beta: 0.1}}
  linear: {blend: {kind: linear, fixed_s: 0.3}}
  late: {shift_s: 0.4}
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab") / "dataset"
    logged = [record_episode(root, 1)[1], record_episode(root, 2, UNUSUAL)[1]]
    return root, [[json.loads(text) for text in handed_over(events)] for events in logged]


def test_whatever_was_live_comes_out_again_to_the_bit(dataset):
    cases = load_cases([dataset[0]], ROBOT)
    assert [case.live for case in cases] == [PathConfig(), UNUSUAL]
    for case in cases:
        assert case.verdict(case.run(case.live)) == "bit for bit"
        other = PathConfig(smoothing_rad_s=51.0)
        assert "rows differ" in case.verdict(case.run(other))


def test_lowered_speed_is_lowered_again(dataset, tmp_path):
    path, events = record_episode(tmp_path / "slow", 3, UNUSUAL, slow_down=(0.5, 0.2))
    (case,) = load_cases([path], ROBOT)
    assert [share for _, share in case.inputs.speeds] == [0.5, 0.2] and len(events) > 0
    log = case.run(case.live)
    assert case.verdict(log) == "bit for bit"
    assert "rows differ" in case.verdict(case.run(case.live, replace(case.inputs, speeds=())))
    from_tick = case.inputs.speeds[1][0] + 250
    v = np.abs(np.diff(case.run(PathConfig()).q_sent_rad[from_tick:], axis=0)) / ROBOT.dt_s / ROBOT.v_max_rad_s
    assert 0.1 < v.max() <= 0.2 * (1 + 1e-9)


def test_slowed_hands_are_slowed_again_by_who_knows_the_robot(tmp_path):
    path, _ = record_episode(tmp_path / "capped", 4, hand_speed_m_s=0.06)
    (case,) = load_cases([path], ROBOT)
    assert [bounds[0] for _, bounds in case.inputs.hand_bounds] == [0.06]
    assert case.verdict(case.run(case.live)) == "bit for bit"
    assert "rows differ" in case.verdict(case.run(case.live, replace(case.inputs, hand_bounds=())))
    half = first_ticks(case, 600)
    assert half.verdict(half.run(half.live)) == "bit for bit"
    (stranger,) = load_cases([path], load_robot("allegro_right"))
    said = stranger.verdict(stranger.run(stranger.live))
    assert (
        said == "not compared: its hands had a cap or a box, which takes the robot iron_r01, and this is allegro_right"
    )


def test_the_lab_gives_the_scorecards_that_the_loop_gave(dataset):
    root, logged = dataset
    for case, cards in zip(load_cases([root], ROBOT), logged, strict=True):
        found = score(case, case.inputs, case.run(case.live)).handovers
        assert len(found) == len(cards) >= 3
        for mine, theirs in zip(found, cards, strict=True):
            assert mine["kind"] == theirs["kind"] and mine["score"] == theirs["score"]
            for key in CARD_KEYS[1:]:
                assert mine[key] == pytest.approx(theirs[key], rel=1e-6, abs=1e-9), key


def test_smoother_is_later_and_has_less_jerk(tmp_path):
    cases = load_cases([record_stream(tmp_path / "noisy.npz", turns=False)], ROBOT)
    paths = [PathConfig(smoothing_rad_s=w) for w in (80.0, 40.0, 20.0, 10.0)]
    runs = run_lab(cases, [Candidate(str(p.smoothing_rad_s), p) for p in paths]).runs[1:]
    lag_s = [run.total.operator.lag_s for run in runs]
    jerk = [run.total.jerk_rms_share for run in runs]
    assert np.all(np.diff(lag_s) > 0.005) and np.all(np.diff(jerk) < 0.0)
    for run, path in zip(runs, paths, strict=True):
        # A tick's target counts for the whole tick and what is sent is its end: one and a half ticks less.
        assert run.total.operator.lag_s == pytest.approx(3.0 / path.smoothing_rad_s - 0.006, rel=0.05, abs=0.001)


def test_a_takeover_can_be_moved_and_nothing_else_changes(dataset):
    case = load_cases([dataset[0]], ROBOT)[0]
    for shift_s in (0.4, -0.3):
        moved = shifted(case.inputs, shift_s, case.limits.dt_s).wanted
        was, now = (np.diff((w[:, 0] == OPERATOR).astype(int)) for w in (case.inputs.wanted, moved))
        moved_by = np.flatnonzero(now == 1) - np.flatnonzero(was == 1)
        assert len(moved_by) == 2 and np.all(moved_by == round(shift_s * 250))
        assert np.array_equal(np.flatnonzero(now == -1), np.flatnonzero(was == -1))
    assert shifted(case.inputs, 0.0, 0.004) is case.inputs


def test_the_first_half_alone_is_the_first_half_of_the_whole(dataset):
    case = load_cases([dataset[0]], ROBOT)[0]
    half = first_ticks(case, 900)
    assert np.array_equal(half.run(UNUSUAL).q_sent_rad, case.run(UNUSUAL).q_sent_rad[:900])
    assert half.verdict(half.run(half.live)) == "bit for bit"


def test_the_command_line_writes_the_same_files_twice(dataset, tmp_path, capsys):
    file = tmp_path / "candidates.yaml"
    file.write_text(CANDIDATES)
    stream = record_stream(tmp_path / "stream.npz", seconds=12.0)
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        arguments = ["lab", "run", str(dataset[0]), str(stream), "--candidates", str(file), "--out", str(out), "--json"]
        assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    names = sorted(path.name for path in outs[0].iterdir())
    assert names == ["handovers.csv", "pareto.png", "scores.csv", "scores.json", "takeover.png"]
    for name in names:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
    content = json.loads((outs[0] / "scores.json").read_text())
    assert {key: said[key] for key in content} == content and said["times_real_time"] > 1
    assert [s["live_replay"] for s in content["sessions"][:2]] == ["bit for bit"] * 2
    assert [c["name"] for c in content["candidates"]] == ["live", "smooth", "quick", "euro", "linear", "late"]
    with (outs[0] / "scores.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 6 * 4 and rows[0]["session"] == "all"


def test_a_session_that_does_not_come_out_again_ends_with_exit_code_1(dataset, tmp_path, capsys):
    file = tmp_path / "candidates.yaml"
    file.write_text("candidates: {same: {}}")
    episode = sorted((dataset[0] / "episodes").glob("*.zarr"))[1]
    copy = tmp_path / episode.name
    copy.mkdir()
    for path in sorted(episode.rglob("*")):
        target = copy / path.relative_to(episode)
        target.mkdir() if path.is_dir() else target.write_bytes(path.read_bytes())
    document = json.loads((copy / "zarr.json").read_text())
    attributes = document["attributes"]
    attributes["path"]["smoothing_rad_s"] = 71.0
    attributes["attributes_crc32c"] = attributes_crc32c(attributes)
    (copy / "zarr.json").write_text(json.dumps(document))
    assert main(["lab", "run", str(copy), "--candidates", str(file), "--out", str(tmp_path / "out")]) == 1
    assert "rows differ, the first is row" in capsys.readouterr().out


def test_what_cannot_be_used_is_refused_with_its_place(tmp_path, dataset):
    file = tmp_path / "c.yaml"
    for text, said in (
        ("candidates: {live: {}}", "'candidates.live' is the name of what was live"),
        ("candidates: {}", "'candidates' names none"),
        ("candidates: {a: {shift_s: 60}}", "'candidates.a.shift_s' is 60, outside -5 to 5"),
        ("candidates: {a: {smoothing: 60}}", "'candidates.a.smoothing' is not a known key"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigInvalid, match=said):
            load_candidates(file)
    with pytest.raises(DatasetInvalid, match="is not a dataset"):
        load_cases([tmp_path], ROBOT)
    with pytest.raises(UsageError, match="no episode"):
        load_cases([], ROBOT)


def test_a_session_in_which_nobody_drove_has_no_takeovers_and_no_traceback(tmp_path):
    stream, file, out = tmp_path / "held.npz", tmp_path / "c.yaml", tmp_path / "out"
    rows = np.arange(30)
    np.savez(stream, joint_names=["waist_yaw"], stamp_s=rows * 0.01, q_rad=rows[:, None] * 0.0, source=["hold"] * 30)
    file.write_text(CANDIDATES)
    assert main(["lab", "run", str(stream), "--candidates", str(file), "--out", str(out)]) == 0
    found = json.loads((out / "scores.json").read_text())
    assert [candidate["scores"]["handovers"] for candidate in found["candidates"]] == [[]] * 6


def test_sessions_of_the_same_name_are_told_apart_and_none_counts_twice(tmp_path):
    (tmp_path / "other").mkdir()
    streams = [record_stream(tmp_path / "s.npz", seconds=1.0), record_stream(tmp_path / "other" / "s.npz", seconds=2.0)]
    cases = load_cases([*streams, streams[0]], ROBOT)
    assert [case.name for case in cases] == [str(path) for path in streams]
    result = run_lab(cases, [])
    assert len(as_dict(result)["candidates"][0]["by_session"]) == 2
