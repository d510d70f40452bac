"""Push and pull through a folder: what arrives is what was sent, whatever was there before or is broken on the way."""

import hashlib
import json
import shutil
import threading
from pathlib import Path

import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.absent import absent_files
from rove_teleop.episodes.catalog.catalog import search
from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.edit.edits import NoteEdit, OutcomeEdit, UndoEdit
from rove_teleop.episodes.edit.overlay import read_labels
from rove_teleop.episodes.edit.overlay_files import commit_revision, read_revisions
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, RecordingFailed, RemoteUnavailable, UsageError
from rove_teleop.remote import overlay_merge, overlays
from rove_teleop.remote.pull import pull
from rove_teleop.remote.push import push
from rove_teleop.remote.read import list_remote, open_remote
from rove_teleop.remote.store import ObjectStore
from tests.episodes.recording_tools import record

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


def files_of(folder):
    """Hash of every file below a folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def robot(tmp_path):
    """A robot's dataset of two episodes, and the URL of a share."""
    for _ in range(2):
        record(tmp_path / "robot")
    (tmp_path / "share").mkdir()
    return tmp_path / "robot", (tmp_path / "share" / "lab").as_uri()


def test_what_is_pulled_is_what_was_pushed(robot, tmp_path):
    root, url = robot
    pushed = push(root, url)
    assert len(pushed.moved) == 2 and pushed.exit_code == 0
    pulled = pull(url, tmp_path / "node")
    assert pulled.moved == pushed.moved and pulled.bytes == pushed.bytes
    assert files_of(tmp_path / "node" / "episodes") == files_of(root / "episodes")
    again, once_more = push(root, url), pull(url, tmp_path / "node")
    assert again.moved == once_more.moved == () and again.bytes == once_more.bytes == 0
    assert again.already_there == once_more.already_there == pushed.moved
    assert not (tmp_path / "node" / ".pull").exists()


def test_two_robots_make_one_dataset(robot, tmp_path):
    root, url = robot
    record(tmp_path / "other")
    (theirs,) = (tmp_path / "other" / "episodes").iterdir()
    # Recorded within the same second here: a real collision is the next test.
    if theirs.name in {path.name for path in (root / "episodes").iterdir()}:
        shutil.rmtree(theirs)
        record(tmp_path / "other")
        record(tmp_path / "other")
    both = {*push(root, url).moved, *push(tmp_path / "other", url).moved}
    pull(url, tmp_path / "node")
    assert {row.id for row in search(tmp_path / "node")} == both, "the catalog merges"
    assert (
        sorted(both) == list_remote(url) == [open_episode(p).id for p in sorted((tmp_path / "node/episodes").iterdir())]
    )


def test_another_episode_of_the_same_name_is_refused_and_overwrites_nothing(robot, tmp_path):
    root, url = robot
    push(root, url)
    before = files_of(tmp_path / "share")
    first, second = sorted((root / "episodes").iterdir())
    other = tmp_path / "other"
    shutil.copytree(root, other)
    attributes = json.loads((other / "episodes" / first.name / "zarr.json").read_text())
    forged = other / "episodes" / first.name / "zarr.json"
    forged.write_text(json.dumps(attributes, indent=1))
    result = push(other, url)
    assert result.exit_code == 1 and result.already_there == (open_episode(second).id,)
    assert "has another episode of this name" in result.problems[0] and "another prefix" in result.problems[0]
    assert files_of(tmp_path / "share") == before
    kept = files_of(other)
    pulled = pull(url, other)
    assert pulled.exit_code == 1 and "yours is kept" in pulled.problems[0]
    assert files_of(other / "episodes") == {
        k.removeprefix("episodes/"): v for k, v in kept.items() if k[:9] == "episodes/"
    }


def test_a_push_that_was_cut_short_sends_only_the_rest(robot, monkeypatch):
    root, url = robot
    sent = []
    put = ObjectStore.put

    def failing(self, key, source):
        if len(sent) >= 30:
            raise RemoteUnavailable("the network went away")
        put(self, key, source)
        sent.append(key)

    monkeypatch.setattr(ObjectStore, "put", failing)
    with pytest.raises(RemoteUnavailable, match="went away"):
        push(root, url)
    assert list_remote(url) == [], "without a commit there is no episode"
    there, sent[:] = set(sent), []
    monkeypatch.setattr(ObjectStore, "put", lambda self, key, source: (put(self, key, source), sent.append(key)))
    assert len(push(root, url).moved) == 2
    assert there.isdisjoint(sent) and len(there) >= 30


def test_a_pull_that_was_cut_short_fetches_only_the_rest(robot, tmp_path, monkeypatch):
    root, url = robot
    push(root, url)
    fetched = []
    pieces = ObjectStore.pieces

    def failing(self, key):
        if len(fetched) == 70:
            raise RemoteUnavailable("the network went away")
        fetched.append(key)
        return pieces(self, key)

    monkeypatch.setattr(ObjectStore, "pieces", failing)
    with pytest.raises(RemoteUnavailable, match="went away"):
        pull(url, tmp_path / "node")
    assert len(list((tmp_path / "node/episodes").iterdir())) <= 1, "only whole episodes have a name"
    there, fetched[:] = set(fetched), []
    monkeypatch.setattr(ObjectStore, "pieces", lambda self, key: (fetched.append(key), pieces(self, key))[1])
    pull(url, tmp_path / "node")
    assert there.isdisjoint(fetched)
    assert files_of(tmp_path / "node/episodes") == files_of(root / "episodes")


def test_an_object_that_is_missing_in_the_store_holds_up_nobody_else(robot, tmp_path):
    root, url = robot
    push(root, url)
    next((tmp_path / "share").glob("lab/objects/*/control/phase/c/0")).unlink()
    result = pull(url, tmp_path / "node")
    assert "is not there" in result.problems[0] and len(result.moved) == 1


def test_an_episode_that_is_damaged_here_holds_up_no_other(robot, tmp_path):
    root, url = robot
    push(root, url)
    lab = tmp_path / "lab"
    pull(url, lab)
    damaged, gone = sorted((lab / "episodes").iterdir())
    (damaged / "zarr.json").unlink()
    shutil.rmtree(gone)
    result = pull(url, lab)
    assert result.moved == (gone.stem,) and len(result.problems) == 1 and damaged.name in result.problems[0]
    assert damaged.exists() and result.exit_code == 1


def test_two_pushers_at_once_commit_each_episode_once(robot, tmp_path):
    root, url = robot
    shutil.copytree(root, tmp_path / "copy")
    results = []
    threads = [threading.Thread(target=lambda r=r: results.append(push(r, url))) for r in (root, tmp_path / "copy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result.exit_code == 0 for result in results)
    assert sorted(results[0].moved + results[1].moved) == list_remote(url)


def test_cameras_stay_in_the_store_until_they_are_wanted(robot, tmp_path):
    root, url = robot
    whole = push(root, url)
    node = tmp_path / "node"
    part = pull(url, node, cameras=False)
    assert part.bytes < whole.bytes
    episode = open_episode(sorted((node / "episodes").iterdir())[0])
    assert len(episode["control/tick"]) == 60 and absent_files(node, episode.id) == {"cameras/ego/jpeg/c/0"}
    with pytest.raises(DatasetInvalid, match="jpeg"):
        episode.jpeg("ego", 0)
    report = verify_dataset(node)
    assert report.exit_code == 3 and report.episodes[0].lossy == ("cameras/ego/jpeg was not pulled",)
    assert pull(url, node, cameras=False).moved == ()
    (tmp_path / "share" / "second").mkdir()
    elsewhere = push(node, (tmp_path / "share" / "second").as_uri())
    assert elsewhere.moved == () and "pulled without its cameras" in elsewhere.problems[0]
    assert push(node, url).exit_code == 0
    rest = pull(url, node)
    assert rest.bytes + part.bytes == whole.bytes
    assert files_of(node / "episodes") == files_of(root / "episodes")
    assert not absent_files(node, episode.id)
    assert verify_dataset(node).exit_code == verify_dataset(root).exit_code


def test_shares_are_disjoint_and_complete(robot, tmp_path):
    root, url = robot
    for _ in range(4):
        record(root, 5)
    push(root, url)
    parts = [set(pull(url, tmp_path / f"node{k}", share=(k, 3)).moved) for k in range(3)]
    assert set().union(*parts) == set(list_remote(url)) and sum(map(len, parts)) == 6
    assert pull(url, tmp_path / "node0", share=(0, 3)).moved == ()


def test_what_is_there_is_told_from_two_listings(robot, tmp_path, monkeypatch):
    root, url = robot
    push(root, url)
    pull(url, tmp_path / "node")
    asked = []
    read = ObjectStore.read
    monkeypatch.setattr(ObjectStore, "read", lambda self, key: (asked.append(key), read(self, key))[1])
    assert push(root, url).exit_code == pull(url, tmp_path / "node").exit_code == 0
    assert asked == ["dataset.json"] * 2, "a data set of 100,000 episodes is not asked for one by one"


def test_the_document_s_example_runs(robot):
    root, url = robot
    push(root, url)
    text = Path("docs/scale.md").read_text()
    names: dict = {}
    exec(text.split("```python\n")[1].split("```")[0].replace("s3://bucket/lab", url), names)
    assert names["q_sent_rad"].shape == (60, 3) and names["jpeg"][:2] == b"\xff\xd8"


def test_an_episode_is_read_where_it_is(robot, tmp_path):
    root, url = robot
    push(root, url)
    local = open_episode(sorted((root / "episodes").iterdir())[0])
    remote = open_remote(url, local.id)
    assert remote.attributes == local.attributes and list(remote) == list(local)
    for name in local:
        assert remote[name].dtype == local[name].dtype and remote[name].tobytes() == local[name].tobytes()
    assert [remote.jpeg("ego", k) for k in range(8)] == [local.jpeg("ego", k) for k in range(8)]
    assert remote.events() == local.events() and remote.cameras == ["ego"]
    with pytest.raises(KeyError):
        remote["control/nothing"]
    with pytest.raises(ValueError, match="read-only"):
        remote["control/tick"][0] = 1
    with pytest.raises(DatasetInvalid, match="has no episode 20200101-000000-000001"):
        open_remote(url, "20200101-000000-000001")
    with pytest.raises(UsageError, match="not an episode id"):
        open_remote(url, "../secret")


def test_a_byte_that_changed_is_found_wherever_it_changed(robot, tmp_path):
    root, url = robot
    push(root, url)
    local = open_episode(sorted((root / "episodes").iterdir())[0])
    (stored,) = (tmp_path / "share").glob(f"lab/objects/{local.id}-*.zarr")
    for name in ("control/q_sent_rad/c/0/0", "cameras/ego/jpeg/c/0"):
        data = bytearray((stored / name).read_bytes())
        data[5] ^= 1
        (stored / name).write_bytes(data)
    with pytest.raises(DatasetInvalid, match="control/q_sent_rad"):
        open_remote(url, local.id)["control/q_sent_rad"]
    with pytest.raises(DatasetInvalid, match="image 0 of camera 'ego'"):
        open_remote(url, local.id).jpeg("ego", 0)
    result = pull(url, tmp_path / "node")
    assert "does not match its hash" in result.problems[0] and len(result.moved) == 1
    # A damaged episode here is not spread either.
    chunk = root / "episodes" / f"{local.id}.zarr" / "control/phase/c/0"
    chunk.write_bytes(b"\1" + chunk.read_bytes()[1:])
    (tmp_path / "share" / "second").mkdir()
    refused = push(root, (tmp_path / "share" / "second").as_uri()).problems
    assert "control/phase does not match its checksum" in refused[0]


def test_what_people_said_travels(robot, tmp_path):
    root, url = robot
    push(root, url)
    node = tmp_path / "node"
    pull(url, node)
    mine, theirs = (open_episode(sorted((r / "episodes").iterdir())[0]) for r in (root, node))
    commit_revision(root, mine, "Ana", [OutcomeEdit("failure")])
    commit_revision(root, mine, "Ana", [NoteEdit("slipped")])
    assert push(root, url).revisions == 2 and push(root, url).revisions == 0
    assert pull(url, node).revisions == 2
    assert read_labels(node, theirs).outcome == "failure" and read_labels(node, theirs).notes == ("slipped",)


def both_said(robot, tmp_path):
    """Two places that agree on one revision, and then each say two others, one of which undoes the other."""
    root, url = robot
    push(root, url)
    pull(url, tmp_path / "node")
    mine, theirs = (open_episode(sorted((r / "episodes").iterdir())[0]) for r in (root, tmp_path / "node"))
    commit_revision(root, mine, "Ana", [NoteEdit("agreed")])
    push(root, url)
    pull(url, tmp_path / "node")
    for place, episode, author, outcome in (
        (root, mine, "Ana", "failure"),
        (tmp_path / "node", theirs, "Ben", "discarded"),
    ):
        commit_revision(place, episode, author, [OutcomeEdit(outcome)])
        commit_revision(place, episode, author, [UndoEdit(2), NoteEdit(f"not {outcome}")])
    return mine, theirs


def test_what_two_people_said_at_once_is_merged_behind_each_other(robot, tmp_path):
    (root, url), node = robot, tmp_path / "node"
    mine, theirs = both_said(robot, tmp_path)
    assert push(root, url).revisions == 2
    refused = push(node, url)
    assert refused.exit_code == 1 and "said revision 2" in refused.problems[0] and "pull" in refused.problems[0]
    merged = pull(url, node)
    assert (merged.exit_code, merged.merged, merged.revisions) == (0, (mine.id,), 3)
    said = read_revisions(node, theirs)
    assert [item.author for item in said] == ["Ana", "Ana", "Ana", "Ben", "Ben"]
    assert said[4].edits == (UndoEdit(4), NoteEdit("not discarded")), "an undo follows what it undoes"
    assert (push(node, url).revisions, pull(url, root).revisions) == (2, 2)
    assert read_revisions(root, mine) == said and not (node / "set_aside" / mine.id).exists()


@pytest.mark.parametrize("steps", range(6))
def test_a_merge_that_was_cut_short_goes_on(robot, tmp_path, monkeypatch, steps):
    """The disk refuses after so many steps: what was said is complete after the next pull, and nothing twice."""
    (root, url), node = robot, tmp_path / "node"
    _, theirs = both_said(robot, tmp_path)
    push(root, url)
    left = iter(range(steps))
    with monkeypatch.context() as broken:
        for place, name in ((overlays, "create_once"), (overlay_merge, "commit_revision"), (shutil, "rmtree")):
            broken.setattr(place, name, _until(left, getattr(place, name)))
        with pytest.raises(RecordingFailed, match="No space left"):
            pull(url, node)
    assert pull(url, node).exit_code == 0
    assert [item.author for item in read_revisions(node, theirs)] == ["Ana", "Ana", "Ana", "Ben", "Ben"]


def _until(left, function):
    def limited(*arguments, **named):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return function(*arguments, **named)

    return limited


def test_a_damaged_revision_in_the_store_is_not_taken(robot, tmp_path):
    root, url = robot
    commit_revision(root, open_episode(sorted((root / "episodes").iterdir())[0]), "Ana", [OutcomeEdit("failure")])
    push(root, url)
    (stored,) = (tmp_path / "share").glob("lab/overlays/*/000001.json")
    stored.write_text(stored.read_text().replace("failure", "success"))
    result = pull(url, tmp_path / "node")
    assert len(result.moved) == 2 and result.revisions == 0 and "does not match its checksum" in result.problems[0]
    assert not list((tmp_path / "node").glob("overlays/*/*"))


@pytest.mark.parametrize(
    ("folder", "path"), [("objects/x", "../../evil"), ("../x", "zarr.json"), ("objects/x", "/etc/passwd"), ("", "a")]
)
def test_a_commit_that_points_out_of_its_folder_is_refused(robot, tmp_path, folder, path):
    root, url = robot
    push(root, url)
    commit = sorted((tmp_path / "share/lab/episodes").iterdir())[0]
    forged = json.loads(commit.read_text())
    forged["folder"], forged["files"][0]["path"] = folder, path
    commit.write_text(json.dumps(forged))
    (commit.parent / "..evil.commit").write_text(json.dumps(forged))
    before = set(tmp_path.rglob("*"))
    result = pull(url, tmp_path / "node")
    assert len(result.problems) == 1 and len(result.moved) == 1
    assert all((tmp_path / "node") in (p, *p.parents) for p in set(tmp_path.rglob("*")) - before)


def test_bad_input_is_one_sentence_and_an_exit_code(robot, tmp_path, capsys):
    root, url = robot
    (tmp_path / "empty").mkdir()
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "dataset.json").write_text('{"format_version": 99}')
    for arguments, code, words in (
        (["push", str(root), "ftp://host/x"], 2, "is neither s3://bucket/prefix nor file:///folder"),
        (["push", str(root), "file:///not/mounted/lab"], 2, "is the disk or the share mounted?"),
        (["push", str(tmp_path / "empty"), url], 1, "is not a dataset"),
        (["pull", str(tmp_path / "empty"), str(tmp_path / "out")], 1, "is not a dataset"),
        (["pull", str(tmp_path / "newer"), str(tmp_path / "out")], 1, "format version 99"),
        (["pull", str(tmp_path / "missing"), str(tmp_path / "out")], 2, "is not a folder"),
    ):
        assert main(arguments) == code
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1, said
    assert not (tmp_path / "out").exists()


def test_the_command_line_counts_what_it_did(robot, tmp_path, capsys):
    root, url = robot
    assert main(["push", str(root), url, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["moved"]) == 2
    assert main(["pull", url, str(tmp_path / "node"), "--without-cameras"]) == 0
    assert "2 episodes pulled" in capsys.readouterr().out
