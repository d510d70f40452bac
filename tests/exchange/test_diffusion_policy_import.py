"""A lab's replay buffer becomes episodes: as zarr 3 writes version 2, zipped, or as our own export; values survive."""

import shutil

import numpy as np
import pytest
import simplejpeg
import zarr

from rove_teleop.cli import main
from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.episodes.dataset import Dataset
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.exchange.diffusion_policy_export import export_buffer
from rove_teleop.exchange.diffusion_policy_import import import_buffer
from rove_teleop.exchange.frames import Choice, chosen_frames
from rove_teleop.exchange.joint_map import JointMap
from rove_teleop.exchange.lerobot_columns import columns_of
from tests.exchange.exchange_tools import number_of, picture, record, small_robot

THEIRS = JointMap(state="agent_pos", joints={"left": "j1", "right": "j0"}, home=("waist",), names=("j0", "j1"))


def imported(root):
    return [open_episode(path) for path in Dataset.open(root).episodes()]


@pytest.fixture
def buffer(tmp_path):
    """A buffer of two episodes as diffusion_policy's own code makes it: compressed, chunked, images as floats."""
    path = tmp_path / "theirs.zarr"
    rng = np.random.default_rng(3)
    arrays = {
        "agent_pos": rng.uniform(-1, 1, (25, 2)).astype(np.float32),
        "action": rng.uniform(-1, 1, (25, 2)).astype(np.float32),
        "img": np.stack([picture(k) for k in range(25)]).astype(np.float32),
        "n_contacts": np.ones((25, 1), np.float32),
    }
    group = zarr.open_group(path, mode="w", zarr_format=2)
    for name, values in arrays.items():
        group.create_array(f"data/{name}", data=values, chunks=(7, *values.shape[1:]))
    group.create_array("meta/episode_ends", data=np.array([10, 25]))
    return path, arrays


def test_values_and_images_of_a_foreign_buffer(buffer, tmp_path):
    path, arrays = buffer
    report = import_buffer(path, tmp_path / "ours", small_robot(), THEIRS, 10, "push the T")
    assert (report.episodes, report.left_out) == (2, ("n_contacts",))
    first, second = imported(tmp_path / "ours")
    assert np.array_equal(second["control/q_measured_rad"][:, 1:], arrays["agent_pos"][10:, ::-1].astype(np.float64))
    assert np.array_equal(first["control/q_sent_rad"][:, 1:], arrays["action"][:10, ::-1].astype(np.float64))
    assert (first.attributes["control_hz"], first.attributes["instruction"]) == (10.0, "push the T")
    assert first.attributes["outcome"] == "unknown" and first.attributes["operator_device"] == "import:diffusion-policy"
    assert [number_of(simplejpeg.decode_jpeg(second.jpeg("img", k))) for k in range(15)] == list(range(10, 25))
    assert verify_dataset(tmp_path / "ours").exit_code == 0
    again = import_buffer(path, tmp_path / "ours", small_robot(), THEIRS, 10)
    assert (again.episodes, again.known) == (0, 2)


def test_a_buffer_in_a_zip(buffer, tmp_path):
    path, arrays = buffer
    zipped = shutil.make_archive(str(path), "zip", path)
    import_buffer(tmp_path / zipped, tmp_path / "ours", small_robot(), THEIRS, 10)
    assert sum(len(episode["control/tick"]) for episode in imported(tmp_path / "ours")) == len(arrays["action"])


def test_our_own_buffer_comes_back(tmp_path):
    pause = {"phase": 3}
    record(tmp_path / "ours", 200, "failure", rows=lambda tick: pause if 80 <= tick < 120 else {"phase": 2})
    export_buffer(tmp_path / "ours", tmp_path / "buffer.zarr", Choice(50))
    assert import_buffer(tmp_path / "buffer.zarr", tmp_path / "back", small_robot()).episodes == 2
    (before,), after = chosen_frames(tmp_path / "ours", Choice(50)), list(chosen_frames(tmp_path / "back", Choice(50)))
    for name, values in columns_of(before).items():
        if name not in ("segment", "control_row", "outcome"):
            joined = np.concatenate([columns_of(part)[name] for part in after])
            np.testing.assert_array_equal(joined, values, err_msg=name)
    assert {part.labels.outcome for part in after} == {"failure"}


# Names of chunks in a zarr 2 array, a number per dimension: no addresses.
@pytest.mark.parametrize("chunk", ["state/0.0", "ego/0.0.0.0"])
def test_our_own_buffer_that_lost_a_chunk_is_not_read_as_zeros(tmp_path, chunk):
    record(tmp_path / "data", 50)
    export_buffer(tmp_path / "data", tmp_path / "buffer.zarr", Choice(50))
    (tmp_path / "buffer.zarr" / "data" / chunk).unlink()
    with pytest.raises(DatasetInvalid, match=f"data/{chunk.split('/')[0]} has .* chunks"):
        import_buffer(tmp_path / "buffer.zarr", tmp_path / "ours", small_robot())


def test_what_does_not_fit_is_refused_in_a_sentence(buffer, tmp_path):
    path, _ = buffer
    root, robot = tmp_path / "ours", small_robot()
    with pytest.raises(UsageError, match="give --fps"):
        import_buffer(path, root, robot, THEIRS)
    with pytest.raises(UsageError, match="2 numbers per frame, but 1 names"):
        import_buffer(path, root, robot, JointMap(state="agent_pos", names=("j0",)), 10)
    with pytest.raises(UsageError, match="does not say which of its 2 numbers is which joint"):
        import_buffer(path, root, robot, JointMap(state="agent_pos"), 10)
    with pytest.raises(DatasetInvalid, match="has no data/state, it has action, agent_pos, img, n_contacts"):
        import_buffer(path, root, robot, None, 10)
    with pytest.raises(DatasetInvalid, match="iron|small.* has and they have not: waist"):
        import_buffer(path, root, robot, JointMap(state="agent_pos", joints=THEIRS.joints, names=("j0", "j1")), 10)
    zarr.open_group(path, mode="r+", zarr_format=2)["data/img"][12] = 0.5
    with pytest.raises(DatasetInvalid, match="data/img holds other numbers"):
        import_buffer(path, root, robot, THEIRS, 10)
    assert len(imported(root)) == 1 and not Dataset.open(root).recordings()


def test_a_buffer_that_is_none_or_damaged(buffer, tmp_path, capsys):
    path, _ = buffer
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing", tmp_path / "missing.zarr.zip"):
        assert main(["import", "diffusion-policy", str(source), str(tmp_path / "ours"), "--fps", "10"]) == 1
        said = capsys.readouterr().err
        assert "cannot be read" in said and said.count("\n") == 1
    zarr.open_group(path, mode="r+", zarr_format=2)["meta/episode_ends"][:] = [10, 24]
    with pytest.raises(DatasetInvalid, match="25 rows, but meta/episode_ends stops at 24"):
        import_buffer(path, tmp_path / "ours", small_robot(), THEIRS, 10)
    zarr.open_group(path, mode="r+", zarr_format=2)["meta/episode_ends"][:] = [10, 10]
    with pytest.raises(DatasetInvalid, match="does not rise"):
        import_buffer(path, tmp_path / "ours", small_robot(), THEIRS, 10)
