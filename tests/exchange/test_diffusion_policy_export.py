"""The replay buffer as its own readers see it: zarr 3 here, zarr 2 (which diffusion_policy uses) in a process."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import zarr

from rove_teleop.episodes.attributes import OUTCOMES
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.exchange.diffusion_policy_export import export_buffer
from rove_teleop.exchange.frames import Choice
from rove_teleop.exchange.zarr2_files import GrowingArray, write_group
from tests.exchange.exchange_tools import number_of, record

ZARR_2 = Path(".cache/peers-exchange/bin/python").absolute()


@pytest.fixture(scope="module")
def buffer(tmp_path_factory):
    root = tmp_path_factory.mktemp("dataset")
    pause = {"phase": 3}
    paths = [
        record(root, 200),
        record(root, 200, "failure", rows=lambda tick: pause if 80 <= tick < 120 else {}),
        record(root, 100, lost=range(40, 50)),
    ]
    out = root.parent / (root.name + ".zarr")
    return [open_episode(path) for path in paths], out, export_buffer(root, out, Choice(fps=50))


def test_values_are_those_of_the_rows(buffer):
    (first, *_), out, _ = buffer
    data = zarr.open_group(out, mode="r", zarr_format=2)["data"]
    assert np.array_equal(data["state"][:40], first["control/q_measured_rad"][::5].astype(np.float32))
    assert np.array_equal(data["action"][:40], first["control/q_target_rad"][::5].astype(np.float32))
    assert data["state"].attrs["names"] == first.attributes["joint_names"]
    assert np.array_equal(data["control_row"][:40], np.arange(0, 200, 5))


def test_episodes_end_at_every_cut(buffer):
    episodes, out, report = buffer
    group = zarr.open_group(out, mode="r", zarr_format=2)
    ends = group["meta/episode_ends"][:]
    # A whole one; one with a pause; one that lost the ticks of two steps.
    assert np.array_equal(np.diff(ends, prepend=0), [40, 16, 16, 8, 10])
    assert group["meta/source"][:].tolist() == [0, 1, 1, 2, 2]
    assert [OUTCOMES[k] for k in group["meta/outcome"][:]] == ["success", "failure", "failure", "success", "success"]
    assert group["meta"].attrs["sources"] == [episode.id for episode in episodes]
    assert {array.shape[0] for _, array in group["data"].arrays()} == {ends[-1]}
    assert (report.episodes, report.frames, report.sources) == (5, ends[-1], 3)


def test_each_frame_has_the_newest_image(buffer):
    _, out, _ = buffer
    images = zarr.open_group(out, mode="r", zarr_format=2)["data/left_wrist"]
    assert images.chunks[1:] == images.shape[1:] == (48, 64, 3)
    shown = [number_of(image, camera=1) for image in images[:40]]
    assert shown == [int((0.001 + step / 50.0) * 30.0) for step in range(40)]


@pytest.mark.integration
# `make test` installs it: in CI its absence is a failure, not a skip.
@pytest.mark.skipif(not ZARR_2.exists() and "CI" not in os.environ, reason="zarr 2 is not installed (make system-test)")
def test_zarr_2_reads_it_as_diffusion_policy_does(buffer):
    _, out, _ = buffer
    program = (
        "import json, sys, zarr\n"
        "root = zarr.open(sys.argv[1], 'r')\n"
        "meta = {key: value[:] for key, value in root['meta'].items()}\n"
        "data = {key: value[:] for key, value in root['data'].items()}\n"
        "assert all(len(value) == meta['episode_ends'][-1] for value in data.values())\n"
        "print(json.dumps([zarr.__version__, {k: float(v.astype('f8')[:40].sum()) for k, v in data.items()}]))\n"
    )
    run = subprocess.run([ZARR_2, "-c", program, out], capture_output=True, text=True, check=True, timeout=60)
    version, sums = json.loads(run.stdout)
    assert version.startswith("2.")
    ours = zarr.open_group(out, mode="r", zarr_format=2)["data"]
    assert sums == {key: float(array[:40].astype("f8").sum()) for key, array in ours.arrays()}


def test_an_array_longer_than_a_chunk(tmp_path):
    values = np.arange(300_000, dtype=np.float64).reshape(-1, 3)
    write_group(tmp_path / "a.zarr")
    array = GrowingArray(tmp_path / "a.zarr" / "x", "<f8", (3,), {})
    for part in np.array_split(values, 7):
        array.append(part)
    assert array.close() == len(values)
    read = zarr.open_group(tmp_path / "a.zarr", mode="r", zarr_format=2)["x"]
    assert read.chunks[0] < len(values) and np.array_equal(read[:], values)


def test_nothing_to_export_and_unlike_episodes_leave_nothing(tmp_path):
    root, out = tmp_path / "data", tmp_path / "out.zarr"
    record(root, 20, "discarded")
    with pytest.raises(UsageError, match="no episode of it fits"):
        export_buffer(root, out, Choice(fps=50))
    names = ["one", "two", "three"]
    record(root, 20)
    record(root, 20, joint_names=names, groups={"a": names[:1], "b": names[1:]})
    with pytest.raises(DatasetInvalid, match="other joints"):
        export_buffer(root, out, Choice(fps=50))
    assert not list(tmp_path.glob("out*"))
