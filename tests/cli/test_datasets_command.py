"""rove episodes, rove show and rove verify as typed: what they say, what scripts read, what they refuse."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from matplotlib.image import imread

from rove_teleop.cli import main
from rove_teleop.episodes.edit.edits import ExcludeEdit, NoteEdit, OutcomeEdit, SplitEdit
from rove_teleop.episodes.edit.overlay_files import commit_revision
from rove_teleop.episodes.label_runs import create_run, data_revision
from rove_teleop.episodes.labels import write_labels
from rove_teleop.episodes.read import open_episode
from rove_teleop.episodes.record.records import FailureRecord
from rove_teleop.types import Event

from ..episodes.recording_tools import begin, control_row, orphan, record

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


def recorded(root: Path, **attributes: object) -> Path:
    """Two seconds: a person adapts from 0.8 s on, recovers from 1.2 s to the end."""
    recording = begin(root, operator="ada", policy_id="p1", **attributes)
    for tick in range(500):
        phase = 0 if tick < 200 else 1 if tick < 300 else 2
        q = np.array([0.0, 1e-4 * tick, 0.0])
        recording.control_row(control_row(tick, phase=phase, q_sent_rad=q, authority=2 if phase else 1))
        if tick % 50 == 0:
            recording.failure(FailureRecord(100.0 + tick / 250.0, tick / 500.0, 0.9, tick > 450, "no_progress"))
    recording.event(Event(100.5, "pause", "because"))
    return recording.seal("success", last_tick=499)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("made") / "data"
    first = open_episode(recorded(root))
    record(root, outcome="failure", task="whiteboard", operator="ben")
    edits = [NoteEdit("slipped"), SplitEdit("test"), ExcludeEdit(0, 25), OutcomeEdit("discarded")]
    commit_revision(root, first, "eve", edits)
    create_run(root, "values", {}, data_revision=data_revision(root))
    write_labels(root, "values", first, {"value": np.linspace(-1.0, 0.0, 500), "mask": np.ones((500, 2))})
    return root


@pytest.fixture
def rove(capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def ids(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "episodes").iterdir())


def test_list_in_words_and_for_scripts(rove, made):
    code, out, _ = rove("episodes", "list", made)
    first, second, total = out.splitlines()
    assert code == 0 and first.startswith(ids(made)[0]) and "[excluded]" in first and "discarded" in first
    assert "recovery 0.8 s" in first and "whiteboard failure" in second
    assert total.startswith("2 episodes: {'discarded': 1, 'failure': 1}; phases: autonomous 43 %")
    listed = json.loads(rove("episodes", "list", made, "--json")[1])
    episode = listed["episodes"][0]
    assert (episode["id"], episode["outcome"], episode["recorded_outcome"]) == (ids(made)[0], "discarded", "success")
    assert episode["path"].endswith(".zarr") and episode["joint_names"] == ["waist", "left", "right"]
    assert episode["catalog"]["flags"] == ["excluded"] and episode["catalog"]["takeovers"] == 1
    assert listed["statistics"]["rows"] == 560


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--task", "whiteboard"], [1]),
        (["--outcome", "discarded"], [0]),
        (["--operator", "ben"], [1]),
        (["--policy", "p1"], [0]),
        (["--flag", "excluded"], [0]),
        (["--flag", "excluded", "--flag", "lossy"], []),
        (["--min-share", "adaptation=0.15"], [0]),
        (["--text", "SLIP"], [0]),
        (["--since", "2020-01-01"], [0, 1]),
        (["--since", "2999-01-01T10:00+02:00"], []),
        (["--limit", "1"], [1]),
    ],
)
def test_list_finds(rove, made, arguments, found):
    code, out, _ = rove("episodes", "list", made, *arguments)
    assert code == 0 and [line.split()[0] for line in out.splitlines()[:-1]] == [ids(made)[k] for k in found]


def test_stats(rove, made):
    code, out, _ = rove("episodes", "stats", made, "--json")
    stats = json.loads(out)
    assert code == 0 and stats["statistics"]["episodes"] == 2
    assert stats["operators"] == {"ada": 1, "ben": 1} and stats["splits"] == {"test": 1}
    assert stats["phase_s"]["adaptation"] == pytest.approx(0.4) and stats["bytes"] > 10_000
    assert "operators: ada 1, ben 1" in rove("episodes", "stats", made)[1]


def test_show_in_words_and_for_scripts(rove, made):
    episode_id = ids(made)[0]
    code, out, _ = rove("episodes", "show", made, episode_id)
    assert code == 0 and out.startswith(f"{episode_id}: toaster, discarded (labels: revision 1), complete")
    for line in ("0.800 to     1.200 s  adaptation", "t_r 1.200 s", "note: slipped", "split test", "pause"):
        assert line in out
    assert out == rove("show", episode_id, "--dataset", made)[1]
    assert out == rove("show", made / "episodes" / f"{episode_id}.zarr")[1]
    shown = json.loads(rove("show", episode_id, "--dataset", made, "--json")[1])
    assert shown["interventions"][0] == pytest.approx({"from_s": 0.8, "t_r_s": 1.2, "to_s": 2.0})
    assert [span["phase"] for span in shown["phases"][:3]] == ["autonomous", "adaptation", "recovery"]
    assert (shown["revision"], shown["excluded_s"], shown["plot"]) == (1, pytest.approx(0.1), None)
    recorded_as = json.loads(rove("show", episode_id, "--dataset", made, "--json", "--revision", "0")[1])
    assert (recorded_as["outcome"], recorded_as["notes"]) == ("success", [])


def test_a_plot_of_any_episode(rove, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = ids(made)
    assert rove("show", first, "--dataset", made, "--plot")[0] == 0
    assert rove("show", first, "--dataset", made, "--plot", "run.png", "--run", "values")[0] == 0
    assert rove("show", second, "--dataset", made, "--plot", "other.png", "--joints", "right,waist")[0] == 0
    plain, with_values, other = (imread(tmp_path / name) for name in (f"{first}.png", "run.png", "other.png"))
    assert min(plain.shape[:2]) > 500
    assert with_values.shape[0] > plain.shape[0], "derived labels have a place of their own"
    assert other.shape != plain.shape or np.mean(np.abs(other - plain)) > 0.001


def test_an_episode_outside_of_a_dataset_can_be_shown(rove, made, tmp_path):
    shutil.copytree(made / "episodes" / f"{ids(made)[0]}.zarr", tmp_path / "copy.zarr")
    code, out, _ = rove("show", tmp_path / "copy.zarr")
    assert code == 0 and ": toaster, success, complete" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["episodes", "list", "DATA", "--outcome", "great"], 2, "outcome must be one of success"),
        (["episodes", "list", "DATA", "--flag", "big"], 2, "there is no flag 'big'"),
        (["episodes", "list", "DATA", "--min-share", "resting=0.1"], 2, "there is no phase 'resting'"),
        (["episodes", "list", "DATA/.."], 1, "is not a dataset"),
        (["episodes", "stats", "DATA/episodes"], 1, "is not a dataset"),
        (["episodes", "show", "DATA", "x"], 2, "has no episode x"),
        (["episodes", "show", "DATA", "../x"], 2, "'../x' is not an episode id"),
        (["show", "x"], 2, "so say in which --dataset"),
        (["show", "/", "--dataset", "DATA"], 2, "is not an episode id"),
        (["show", "DATA"], 1, "cannot be read"),
        (["show", "ID", "--dataset", "DATA", "--plot", "x.pdf"], 2, "must end in .png"),
        (["show", "ID", "--dataset", "DATA", "--plot", "none/x.png"], 2, "cannot be written"),
        (["show", "ID", "--dataset", "DATA", "--plot", "--joints", "tail"], 2, "'tail' is no joint"),
        (["show", "ID", "--dataset", "DATA", "--joints", "left"], 2, "they need --plot"),
        (["show", "ID", "--dataset", "DATA", "--revision", "7"], 2, "has no revision 7"),
        (["show", "ID", "--dataset", "DATA", "--plot", "--run", "other"], 2, "other"),
        (["verify", "DATA/.."], 1, "is not a dataset"),
    ],
)
def test_what_cannot_be_is_one_sentence(rove, made, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    typed = [text.replace("DATA", str(made)).replace("ID", ids(made)[0]) for text in arguments]
    got, out, err = rove(*typed)
    assert (got, out) == (code, "") and words in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [["--since", "soon"], ["--limit", "0"], ["--min-share", "recovery"], ["--min-share", "x=2"]]
)
def test_arguments_that_are_none(rove, made, wrong):
    with pytest.raises(SystemExit) as error:
        rove("episodes", "list", made, *wrong)
    assert error.value.code == 2


def damage_byte(path: Path) -> None:
    chunk = next(file for file in (path / "control/q_sent_rad/c").rglob("*") if file.is_file())
    data = bytearray(chunk.read_bytes())
    data[100] ^= 1
    chunk.write_bytes(data)


def make_foreign(path: Path) -> None:
    shutil.rmtree(path)
    zarr.create_group(path, zarr_format=3)


def make_newer(path: Path) -> None:
    info = json.loads((path / "zarr.json").read_text())
    info["attributes"]["format_version"] = 99
    (path / "zarr.json").write_text(json.dumps(info))


@pytest.mark.parametrize(
    ("damage", "words", "listed"),
    [
        (damage_byte, "control/q_sent_rad does not match its checksum", 0),
        (make_foreign, "is a Zarr group, but not an episode of this software", 1),
        (make_newer, "has format version 99, this software reads up to", 1),
    ],
)
def test_a_damaged_episode_is_one_sentence_everywhere(rove, tmp_path, damage, words, listed):
    root = tmp_path / "data"
    record(root)
    damage(record(root))
    code, out, err = rove("verify", root)
    broken, total = out.splitlines()
    assert (code, err) == (1, "") and words in broken and total == "2 episodes, exit code 1"
    code, out, _ = rove("episodes", "list", root)
    assert code == listed and len(out.splitlines()) == 3 and (words in out) == bool(listed)
    assert rove("episodes", "stats", root)[0] == listed


def test_verify_says_what_is_lost_and_scripts_read_it(rove, tmp_path):
    root = tmp_path / "data"
    recording = begin(root)
    for tick in (0, 1, 4):
        recording.control_row(control_row(tick))
    recording.seal("success")
    left = orphan(root)
    code, out, _ = rove("verify", root)
    assert code == 3 and "2 control ticks lost" in out and f"waits for recovery: {left.name}" in out
    report = json.loads(rove("verify", root, "--json")[1])
    assert report["episodes"][0]["lossy"] == ["2 control ticks lost"] and report["orphans"] == [left.name]
    assert (report["exit_code"], report["problems"]) == (3, [])
    shutil.rmtree(left)
    shutil.rmtree(next((root / "episodes").iterdir()))
    record(root)
    assert rove("verify", root)[0] == 0


def test_recover_fails_where_something_could_not_be_sealed(rove, tmp_path):
    root = tmp_path / "data"
    bad, _ = orphan(root), orphan(root)
    (bad / "header.json").unlink()
    code, out, _ = rove("recover", root)
    assert code == 1 and "could not be sealed" in out and "1 recordings recovered, 1 kept as they are" in out
    assert rove("recover", root, "--json")[0] == 1
    shutil.rmtree(bad)
    assert rove("recover", root)[:2] == (0, "0 recordings recovered\n")
