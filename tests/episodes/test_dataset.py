import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rove_teleop.episodes import dataset as dataset_module
from rove_teleop.episodes.dataset import Dataset, WriterLock
from rove_teleop.episodes.record.recover import recover_dataset
from rove_teleop.errors import DatasetInvalid

from .recording_tools import begin, orphan, record


def test_a_dataset_is_made_once_and_opened_again(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "data"
    Dataset.create(root)
    info = (root / "dataset.json").read_text()
    Dataset.create(root)
    assert (root / "dataset.json").read_text() == info
    assert Dataset.open(root).episodes() == []


def test_a_creation_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    (tmp_path / "data" / "recording").mkdir(parents=True)
    assert Dataset.create(tmp_path / "data").recordings() == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a dataset"),
        ("", "cannot be read"),
        ("[]", "says no format_version"),
        ('{"format_version": "1"}', "says no format_version"),
        ('{"format_version": 99}', "has format version 99, this software reads up to 1"),
    ],
)
def test_what_is_not_our_dataset_is_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DatasetInvalid, match=sentence):
        Dataset.open(tmp_path)


def test_a_folder_with_other_files_is_never_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DatasetInvalid, match="is not empty and not a dataset"):
        Dataset.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_where_nothing_can_be_made_is_refused_in_a_sentence() -> None:
    with pytest.raises(DatasetInvalid, match="a dataset cannot be made here"):
        Dataset.create(Path("/proc/rove"))


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    root = tmp_path / "data"
    recording = begin(root)
    script = f"""
from pathlib import Path
from rove_teleop.episodes.dataset import WriterLock
WriterLock(Path({str(root)!r}))
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    pid = json.loads((root / "writer.lock").read_text())["pid"]
    assert f"another recorder is writing this dataset (process {pid})" in result.stderr
    with pytest.raises(DatasetInvalid, match="another recorder is writing"):
        begin(root)
    recording.seal("discarded")
    begin(root).close()


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    Dataset.create(tmp_path)
    script = f"""
import os
from pathlib import Path
from rove_teleop.episodes.dataset import WriterLock
lock = WriterLock(Path({str(tmp_path)!r}))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    WriterLock(tmp_path).release()


def test_ids_sort_by_time_also_when_the_clock_steps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for wall_s in (1.8e9, 1.8e9, 1.7e9, 1.8e9 + 5.0):
        monkeypatch.setattr(dataset_module, "wall_time_s", lambda wall_s=wall_s: wall_s)
        ids.append(record(tmp_path / "data", 2).name)
    assert ids == sorted(set(ids))
    assert [name[16:22] for name in ids] == ["000001", "000002", "000003", "000004"]


def test_an_id_that_is_taken_is_not_used_again(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path)
    first, second = dataset.begin_recording(), dataset.begin_recording()
    assert first != second


def test_a_writer_meets_a_newer_dataset_in_a_sentence_and_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"format_version": 2}')
    before = sorted(tmp_path.iterdir())
    for work in (lambda: begin(tmp_path), lambda: recover_dataset(tmp_path)):
        with pytest.raises(DatasetInvalid, match="has format version 2, this software reads up to 1"):
            work()
    assert sorted(tmp_path.iterdir()) == before


# As root, file permissions refuse nothing; only a mount does. CI is root, so it runs there.
@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only mount needs root, who may write a read-only folder")
def test_a_read_only_dataset_is_read_and_refuses_a_writer_in_a_sentence(tmp_path: Path) -> None:
    root = tmp_path / "data"
    record(root, 3)
    orphan(root, 3)
    subprocess.run(["mount", "--bind", "-o", "ro", str(root), str(root)], check=True)
    try:
        assert len(Dataset.open(root).episodes()) == 1
        for work in (lambda: begin(root), lambda: recover_dataset(root)):
            with pytest.raises(DatasetInvalid, match=f"{root}: the dataset cannot be written \\(Read-only file system"):
                work()
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.mark.parametrize("cameras", [["../ego"], [".."], ["a/b"], [""], ["ego", "ego"], "ego", [3]])
def test_camera_names_that_are_no_folder_names_are_refused_before_anything_is_made(
    tmp_path: Path, cameras: object
) -> None:
    with pytest.raises(DatasetInvalid, match="camera"):
        begin(tmp_path / "data", cameras=cameras)
    assert not (tmp_path / "data").exists()
