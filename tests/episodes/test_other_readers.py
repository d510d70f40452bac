"""A sealed episode through readers that know nothing of it; zarr-python is in test_seal.py."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.episodes.read import open_episode

from .recording_tools import begin, fill, jpeg


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every stream, an image that spans several blocks of the pack, and a camera without images."""
    recording = begin(tmp_path_factory.mktemp("readers") / "data", cameras=["ego", "wrist", "none"])
    fill(recording, range(40))
    for k in range(3):
        recording.frame("wrist", jpeg(k, 100_000), k, k, k)
    return recording.seal("success", last_tick=39)


def test_tensorstore_reads_every_array(episode: Path) -> None:
    tensorstore = pytest.importorskip("tensorstore", reason="tensorstore is not installed")
    for name, array in open_episode(episode).items():
        store = {"driver": "file", "path": str(episode / name)}
        read = tensorstore.open({"driver": "zarr3", "kvstore": store}, read=True).result().read().result()
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array, err_msg=name)


def test_zarrs_reads_every_array(episode: Path, tmp_path: Path) -> None:
    pytest.importorskip("zarrs", reason="zarrs is not installed")
    script = """
import sys
import numpy, zarr, zarrs
zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"})
group = zarr.open_group(sys.argv[1], mode="r")
names = [name for name, member in group.members(None) if isinstance(member, zarr.Array)]
numpy.savez(sys.argv[2], **{name: group[name][:] for name in names})
"""
    # In a process of its own: the pipeline is a setting of the whole process.
    subprocess.run([sys.executable, "-c", script, str(episode), str(tmp_path / "read.npz")], check=True)
    with np.load(tmp_path / "read.npz") as read:
        expected = open_episode(episode)
        assert set(read.files) == set(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(read[name], array, err_msg=name)
