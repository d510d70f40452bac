"""Videos of people become episodes that a critic may learn from and nobody else can."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.types import Authority, Phase

from ..tracking.egodex_files import joints, write

av = pytest.importorskip("av", reason="videos need PyAV")
pytest.importorskip("h5py", reason="EgoDex files need h5py")
pytestmark = pytest.mark.integration

FRAMES = 24


def video(path: Path, images: int) -> None:
    """Grey images that brighten by 8 from one to the next."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for k in range(images):
            image = np.full((480, 640, 3), 8 * k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "part1" / "make_toast"
    folder.mkdir(parents=True)
    write(folder / "0.hdf5", joints(FRAMES), task="make toast", llm_description="put the bread in")
    video(folder / "0.mp4", FRAMES)
    write(folder / "1.hdf5", joints(FRAMES), task="make toast")
    return tmp_path / "part1"


@pytest.fixture
def imported(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(source: Path, dataset: Path, *options: str) -> tuple[int, dict[str, Any]]:
        code = main(["import", "egodex", str(source), str(dataset), "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_video_becomes_an_episode_that_verifies(source: Path, tmp_path: Path, imported):
    dataset = tmp_path / "people"
    code, report = imported(source, dataset, "--outcome", "success")
    assert (code, report["episodes"], report["frames"]) == (0, 2, 2 * FRAMES)
    assert verify_dataset(dataset).exit_code == 0
    first = open_episode(Dataset.open(dataset).episodes()[0])
    about = first.attributes
    assert (about["embodiment"], about["task"], about["instruction"]) == ("human", "make toast", "put the bread in")
    assert (about["outcome"], about["control_hz"], about["rows"]) == ("success", 30.0, FRAMES)
    assert set(np.asarray(first["control/phase"])) == {Phase.RECOVERY}
    assert set(np.asarray(first["control/authority"])) == {Authority.HUMAN}
    for name in ("q_measured_rad", "q_sent_rad", "q_policy_rad"):
        assert np.isnan(np.asarray(first[f"control/{name}"])).all()
    assert np.isfinite(np.asarray(first["control/q_operator_rad"])).any(axis=1).all()
    assert len(first["cameras/ego/receive_s"]) == FRAMES


def test_the_same_video_twice_is_one_episode_and_a_changed_one_another(source: Path, tmp_path: Path, imported):
    dataset = tmp_path / "people"
    imported(source, dataset)
    code, report = imported(source, dataset)
    assert (code, report["episodes"], report["known"]) == (0, 0, 2)
    write(source / "make_toast" / "1.hdf5", joints(FRAMES, curl=0.6), task="make toast")
    assert imported(source, dataset)[1]["episodes"] == 1


def test_outcomes_come_from_a_table_and_nobody_guesses(source: Path, tmp_path: Path, imported):
    table = tmp_path / "outcomes.csv"
    table.write_text("\ufeffname,outcome\nmake_toast/1,failure\n")
    dataset = tmp_path / "people"
    assert imported(source, dataset, "--outcome", str(table))[1]["unjudged"] == 1
    outcomes = [open_episode(path).attributes["outcome"] for path in Dataset.open(dataset).episodes()]
    assert outcomes == ["unknown", "failure"]
    table.write_text("name,outcome\nmake_toast/1,great\n")
    assert main(["import", "egodex", str(source), str(dataset), "--outcome", str(table)]) == 2


def test_what_cannot_be_read_is_refused_and_the_rest_goes_on(source: Path, tmp_path: Path, imported):
    (source / "make_toast" / "2.hdf5").write_bytes(b"nothing")
    write(source / "make_toast" / "3.hdf5", joints(FRAMES), task="make toast")
    video(source / "make_toast" / "3.mp4", FRAMES - 5)
    (source / "make_toast" / "4.hdf5").symlink_to(source / "gone.hdf5")
    dataset = tmp_path / "people"
    code, report = imported(source, dataset)
    assert (code, report["episodes"]) == (3, 2)
    assert "4.hdf5: cannot be read (No such file" in report["refused"]["make_toast/4"]
    assert "none of the known formats" in report["refused"]["make_toast/2"]
    assert "holds 19 images, but the recording has 24 frames" in report["refused"]["make_toast/3"]
    assert not list((dataset / "recording").iterdir())


def test_no_policy_is_offered_a_person(source: Path, tmp_path: Path, imported):
    from rove_teleop.exchange.frames import Choice, chosen_frames

    dataset = tmp_path / "people"
    imported(source, dataset, "--outcome", "success")
    assert list(chosen_frames(dataset, Choice(fps=15))) == []
