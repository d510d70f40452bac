import shutil
import subprocess
import sys
from itertools import chain
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import simplejpeg
import torch
from torch.utils.data import DataLoader

from rove_teleop.episode_dataset import EpisodeDataset, checked_offsets
from rove_teleop.episodes.read import open_episode
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.types import Phase

from .episodes.recording_tools import record
from .episodes.training_tools import damage, record_ticks

A, R = Phase.AUTONOMOUS, Phase.RECOVERY
MEASURED, SENT = "control/q_measured_rad", "control/q_sent_rad"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "set"
    record_ticks(root, [A] * 60 + [R] * 60, cameras=["ego", "wrist"])
    record_ticks(root, [A] * 61, first_tick=1000, cameras=["ego", "wrist"])
    return root


def test_a_batch_has_states_actions_and_ends(root):
    dataset = EpisodeDataset(root, horizon=4)
    assert len(dataset) == 24 + 13
    batch = dataset[[0, 36]]
    assert batch[MEASURED].shape == (2, 2, 3)
    assert batch[SENT].shape == (2, 4, 3)
    assert batch[SENT].dtype == torch.float32
    assert batch[MEASURED][:, :, 0].tolist() == [[0, 20], [1060, 1060]]
    assert batch[SENT][:, :, 0].tolist() == [[0, 5, 10, 15], [1060] * 4]
    assert batch[f"{SENT}_is_pad"].tolist() == [[False] * 4, [False, True, True, True]]
    assert batch["bootstrap"].tolist() == [True, False]
    assert batch["terminal"].tolist() == [False, True]
    assert dataset.episodes[batch["episode"][1]].about["task"] == "toaster"


def test_plain_names_reach_from_the_start_to_the_end(root):
    dataset = EpisodeDataset(root, [MEASURED, "control/reason"], horizon=2, rate_hz=250.0)
    window = dataset[-1]
    assert window[MEASURED][:, 0].tolist() == [1060, 1060, 1060]
    assert dataset[3][MEASURED][:, 0].tolist() == [3, 4, 5]
    assert window["control/reason"].dtype == torch.int64
    assert window["bootstrap"].shape == ()


def test_every_way_to_load_gives_the_same_batches(root):
    dataset = EpisodeDataset(root)
    direct = [dataset[number] for number in dataset.sampler(8, seed=3)]
    loaded = list(dataset.loader(8, seed=3))
    collated = list(DataLoader(dataset, batch_sampler=dataset.sampler(8, seed=3), collate_fn=lambda ready: ready))
    assert len(direct) == len(loaded) == len(collated) == 5
    for a, b, c in zip(direct, loaded, collated, strict=True):
        assert all(torch.equal(a[key], b[key]) and torch.equal(a[key], c[key]) for key in a)


def test_workers_read_the_same(root):
    dataset = EpisodeDataset(root, cameras=["ego"])
    alone, helped = dataset.loader(16), dataset.loader(16, workers=1)
    for a, b in zip(alone, helped, strict=True):
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_dataset_travels_to_another_process(root):
    dataset = EpisodeDataset(root, cameras=["ego"], weights={"phase=recovery": 2.0})
    data = ForkingPickler.dumps(dataset)
    assert len(data) < 20000
    copy = ForkingPickler.loads(data)
    assert all(torch.equal(value, copy[[5, 30]][key]) for key, value in dataset[[5, 30]].items())


def test_epochs_differ_and_go_on_where_they_stopped(root):
    dataset = EpisodeDataset(root)
    sampler = dataset.sampler(8, seed=1)
    first = [number.tolist() for number in sampler]
    sampler.set_epoch(1)
    second = [number.tolist() for number in sampler]
    assert first != second
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(len(dataset)))
    sampler.set_epoch(1, first_batch=3)
    assert [number.tolist() for number in sampler] == second[3:]
    assert len(sampler) == len(second) - 3


def test_weights_choose_how_often(root):
    dataset = EpisodeDataset(root, weights={"phase=autonomous": 0.0})
    phases = torch.cat([batch["phase"] for batch in dataset.loader(8)])
    assert set(phases.tolist()) == {int(R)}
    assert len(phases) == len(dataset)


def test_an_image_is_the_newest_that_had_arrived(root):
    dataset = EpisodeDataset(root, cameras=["ego", "wrist"], rate_hz=250.0)
    batch = dataset[[0, 6, 7, 15, 100]]
    for name in ("cameras/ego", "cameras/wrist"):
        assert batch[name].shape == (5, 24, 32, 3)
        assert batch[name].dtype == torch.uint8
        # Images are as bright as their tick, come every eight ticks, and arrive one tick earlier.
        assert np.abs(batch[name].float().mean(dim=(1, 2, 3)).numpy() - [0, 0, 8, 16, 96]).max() <= 1.0
    episode = open_episode(root / "episodes" / dataset.episodes[0].name)
    decoded = simplejpeg.decode_jpeg(episode.jpeg("ego", 1))
    assert torch.equal(batch["cameras/ego"][2], torch.from_numpy(decoded))


def test_images_come_as_the_network_wants_them(root):
    batch = EpisodeDataset(root, cameras=["ego"], image_float=True)[[0, 10]]["cameras/ego"]
    assert batch.shape == (2, 3, 24, 32)
    assert batch.dtype == torch.float32
    assert batch[1].mean().item() == pytest.approx(48 / 255, abs=0.01)
    small = EpisodeDataset(root, cameras=["ego"], image_size=(12, 12))[[0, 10]]["cameras/ego"]
    assert small.shape == (2, 12, 12, 3)
    assert small[1].float().mean().item() == pytest.approx(48, abs=2)


def test_decoded_images_are_the_same_images(root, tmp_path):
    copy = shutil.copytree(root, tmp_path / "set")
    for options in ({}, {"image_float": True}, {"image_size": (12, 12)}):
        plain = EpisodeDataset(copy, cameras=["ego", "wrist"], **options)
        kept = EpisodeDataset(copy, cameras=["ego", "wrist"], keep_decoded=True, **options)
        a, b = plain[[3, 30, 0]], kept[[3, 30, 0]]
        assert all(torch.equal(a[key], b[key]) for key in a)
    files = sorted(path.stat().st_size for path in copy.glob("cache/pixels/cameras.ego-full/*.rgb"))
    assert files == [24 + 8 * 24 * 32 * 3, 24 + 15 * 24 * 32 * 3]
    # They are really what is read.
    for pack in copy.glob("episodes/*/cameras/*/jpeg/c/0"):
        pack.unlink()
    again = EpisodeDataset(copy, cameras=["ego", "wrist"], keep_decoded=True, image_size=(12, 12))
    assert torch.equal(again[[3, 30, 0]]["cameras/ego"], b["cameras/ego"])


def test_images_of_two_sizes_need_one(tmp_path):
    record_ticks(tmp_path, [A] * 20, cameras=["ego"])
    record_ticks(tmp_path, [A] * 20, cameras=["ego"], image_shape=(32, 48, 3))
    with pytest.raises(ValueError, match=r"need an image_size"):
        EpisodeDataset(tmp_path, cameras=["ego"])[[0, 5]]
    assert EpisodeDataset(tmp_path, cameras=["ego"], image_size=(16, 16))[[0, 5]]["cameras/ego"].shape == (2, 16, 16, 3)


def test_bytes_that_are_no_image_are_named(tmp_path):
    """As recording_tools records them: they start like a JPEG."""
    path = record(tmp_path, 600)
    dataset = EpisodeDataset(tmp_path, [MEASURED], cameras=["ego"], max_image_age_s=1e9)
    with pytest.raises(DatasetInvalid, match=f"{path.name}: the .* bytes at .* of cameras/ego are no image"):
        dataset[0]


def test_damaged_episodes_are_listed(tmp_path):
    paths = [record_ticks(tmp_path, [A] * 20) for _ in range(2)]
    damage(paths[0], SENT)
    dataset = EpisodeDataset(tmp_path)
    assert list(dataset.skipped) == [paths[0].name]
    assert set(dataset[list(range(len(dataset)))]["episode"].tolist()) == {1}


def test_mistakes_are_one_sentence(root):
    for keys, sentence in (
        ("control/tick", "got the text"),
        ([], "nothing to read"),
        ({"a": (0.5,)}, "needs whole steps"),
    ):
        with pytest.raises(UsageError, match=sentence):
            checked_offsets(keys, 4)
    with pytest.raises(UsageError, match="1 step or more"):
        EpisodeDataset(root, horizon=0)
    with pytest.raises(UsageError, match="no episode has 'cameras/nose'; .*cameras/ego"):
        EpisodeDataset(root, cameras=["nose"])
    with pytest.raises(IndexError, match="no window 37, there are 37"):
        EpisodeDataset(root)[37]


RANK = """
import sys, torch
from rove_teleop.episode_dataset import EpisodeDataset
torch.distributed.init_process_group("gloo")
dataset = EpisodeDataset(sys.argv[1])
numbers = [number for batch in dataset.sampler(5, seed=2) for number in batch.tolist()]
with open(f"{sys.argv[2]}/{torch.distributed.get_rank()}", "w") as file:
    file.write(" ".join(map(str, numbers)))
torch.distributed.destroy_process_group()
"""


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_two_ranks_of_torchrun_share_an_epoch(root, tmp_path):
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*command, script, root, tmp_path], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    ranks = [[int(word) for word in (tmp_path / str(rank)).read_text().split()] for rank in (0, 1)]
    # Of 37 windows one is left over; the others come once, half on each rank.
    assert [len(rank) for rank in ranks] == [18, 18]
    assert len(set(ranks[0] + ranks[1])) == 36
