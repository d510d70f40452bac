"""rove edit and rove agreement as typed, and as docs/edits.md shows them."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.edit.overlay import read_labels
from rove_teleop.episodes.find import find_episode

from ..episodes.recording_tools import begin, control_row

DOC = Path(__file__).parents[2] / "docs" / "edits.md"


def recorded(root):
    """Six seconds: a person adapts from 3 s on, recovers from 4 s to 5 s."""
    recording = begin(root)
    for tick in range(1500):
        recording.control_row(control_row(tick, phase=0 if not 750 <= tick < 1250 else 1 if tick < 1000 else 2))
    return recording.seal("success", last_tick=1499).stem


@pytest.fixture(scope="module")
def recorded_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    return root, recorded(root)


@pytest.fixture
def dataset(recorded_once):
    shutil.rmtree(recorded_once[0] / "overlays", ignore_errors=True)
    return recorded_once


@pytest.fixture
def rove(dataset, capsys):
    def run(*arguments):
        code = main(["edit", str(dataset[0]), dataset[1], *arguments])
        return code, capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--outcome", "failure"], "outcome success -> failure"),
        (["--outcome", "success"], "as it was"),
        (["--phase", "paused", "--from", "1", "--to", "2"], "phase of 250 ticks autonomous -> paused"),
        (["--t-r", "4.4"], "phase of 100 ticks recovery -> adaptation; t_r 4.000 s -> 4.400 s"),
        (["--t-r", "3"], "phase of 250 ticks adaptation -> recovery; t_r 4.000 s -> 3.000 s"),
        (["--phase", "autonomous", "--from", "2.9", "--to", "5.1"], "t_r 4.000 s -> none"),
        (["--exclude", "--to", "0.4"], "excluded 0 -> 100 ticks"),
        (["--exclude"], "excluded 0 -> 1500 ticks"),
        (["--split", "test", "--note", "late"], "split none -> test; notes 0 -> 1"),
    ],
)
def test_an_edit_says_what_changed(rove, dataset, arguments, line):
    code, shown = rove(*arguments, "--author", "ada")
    assert (code, shown.err) == (0, "")
    assert shown.out.startswith(f"{dataset[1]} revision 1 by ada: ")
    assert shown.out.rstrip().endswith(line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to change was given"),
        (["--outcome", "great"], "outcome must be one of success, failure, discarded, unknown, got 'great'"),
        (["--phase", "paused"], "--phase needs --from, --to or both"),
        (["--phase", "paused", "--from", "7"], "7 s is not inside the episode, which lasts 5.996 s"),
        (["--from", "1"], "--from and --to belong to"),
        (["--t-r", "2"], "2 s does not lie in an intervention of this episode (1: 3.000 to 5.000 s)"),
        (["--t-r", "4", "--intervention", "2"], "intervention 2 of this episode (1: 3.000"),
        (["--intervention", "1"], "--intervention belongs to --t-r"),
        (["--undo", "1"], "there is no revision 1 to undo"),
        (["--note", ""], "a note has 1 to 2000 characters"),
        (["--split", "a/b"], "'a/b' is not the name of a split"),
        (["--history", "--note", "x"], "--history only shows"),
        (["--note", "x", "--author", ""], "an author has"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_writes_nothing(rove, dataset, arguments, words):
    code, shown = rove(*arguments)
    assert (code, shown.out) == (2, "")
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert not (dataset[0] / "overlays").exists()


@pytest.mark.parametrize("arguments", [["--phase", "lunch"], ["--from", "-1"], ["--to", "nan"], ["--t-r", "soon"]])
def test_arguments_that_are_none(rove, arguments):
    with pytest.raises(SystemExit) as error:
        rove(*arguments)
    assert error.value.code == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("20200101-000000-000001", "has no episode 20200101-000000-000001"),
        ("../x", "'../x' is not an episode id"),
        ("waits", "episode waits is not sealed yet"),
    ],
)
def test_an_episode_that_is_not_there(dataset, capsys, name, words):
    (dataset[0] / "recording" / "waits").mkdir(exist_ok=True)
    assert main(["edit", str(dataset[0]), name, "--outcome", "failure"]) == 2
    assert words in capsys.readouterr().err
    assert not (dataset[0] / "overlays").exists()


def test_no_dataset(tmp_path, capsys):
    assert main(["edit", str(tmp_path), "x", "--outcome", "failure"]) == 1
    assert "is not a dataset" in capsys.readouterr().err
    assert main(["agreement", str(tmp_path), "ada", "bob"]) == 1


def test_history_and_undo(rove, dataset):
    rove("--outcome", "failure", "--author", "ada")
    rove("--split", "test", "--author", "bob")
    _, shown = rove("--undo", "1", "--author", "bob")
    assert shown.out.rstrip().endswith("outcome failure -> success")
    _, shown = rove("--history")
    first, second, third, last = shown.out.splitlines()
    assert first.endswith("ada: outcome failure  (undone)")
    assert second.endswith("bob: split test")
    assert third.endswith("bob: undo of revision 1")
    assert last.endswith("outcome success, split test, 0 of 1500 ticks excluded, t_r 4.000 s")


def test_json_is_for_scripts(rove, dataset):
    said = json.loads(rove("--t-r", "4.4", "--author", "ada", "--json")[1].out)
    assert said["revision"] == 1
    assert said["edits"] == [{"kind": "t_r", "from_row": 750, "t_r_row": 1100, "to_row": 1250}]
    told = json.loads(rove("--history", "--json")[1].out)
    assert told["labels"] == said["labels"]
    (run,) = told["labels"]["interventions"]
    assert [run[key] for key in ("from_s", "t_r_s", "to_s")] == pytest.approx([3.0, 4.4, 5.0])
    assert [revision["withdrawn"] for revision in told["revisions"]] == [False]


def test_agreement(rove, dataset, capsys):
    rove("--t-r", "4.1", "--author", "ada")
    rove("--t-r", "4.3", "--outcome", "failure", "--author", "bob")
    assert main(["agreement", str(dataset[0]), "ada", "bob"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 episodes that both edited, 1500 ticks"
    assert lines[1].endswith("the same in 0 %")
    assert "the same in 96.7 % of the ticks" in lines[2]
    assert lines[3].endswith("0.200 s (median), 0.200 s (95 %) in 1 interventions")
    assert main(["agreement", str(dataset[0]), "ada", "bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["t_r_pairs"] == 1
    assert main(["agreement", str(dataset[0]), "ada", "eve"]) == 2
    assert "no episode that both ada and eve edited" in capsys.readouterr().err


def test_what_the_documentation_shows_works(dataset, capsys):
    root, episode_id = dataset
    blocks = re.findall(r"```(sh|python)\n(.*?)```", DOC.read_text(), re.S)
    edits, agreement, code = (text for _, text in blocks)
    for line in edits.splitlines():
        words = [{"DATASET": str(root), "ID": episode_id}.get(word, word) for word in shlex.split(line, comments=True)]
        assert main(words[1:]) == 0, line
    main(["edit", str(root), episode_id, "--outcome", "failure", "--author", "bob"])
    assert main([str(root) if word == "DATASET" else word for word in shlex.split(agreement)][1:]) == 0
    capsys.readouterr()
    exec(code, {"dataset": str(root), "episode_id": episode_id})
    assert capsys.readouterr().out.startswith("8 failure ")
    labels = read_labels(root, find_episode(root, episode_id))
    assert (labels.split, labels.notes) == ("test", ("the bread fell",))
    assert int(labels.excluded.sum()) == 125


def test_kinds_of_edits_are_all_documented():
    from rove_teleop.episodes.edit.edits import KINDS

    assert set(re.findall(r"^\| `(\w+)` \| `\w+`[^|]* \| ", DOC.read_text(), re.M)) == set(KINDS)
