import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.errors import CheckpointInvalid, UsageError
from rove_teleop.policy.opening import open_policy
from rove_teleop.policy.remote.lerobot_worker import receive, send

from .peers import HERE, LEROBOT_ENVIRONMENT, LEROBOT_PYTHON, needs_lerobot
from .serving import HOME_RAD, ROBOT, observation

PICTURE = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_a_frame_comes_back(pair):
    arrays = {"state": np.arange(7, dtype=np.float32), "picture": PICTURE[:2, ::2], "empty": np.empty((0, 3))}
    send(pair[0], {"task": "toast", "reset": True}, arrays)
    fields, found = receive(pair[1])
    assert fields == {"task": "toast", "reset": True}
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b"nonsense", b'{"fields": {}, "arrays": [["a", "|O", [1]]]}',
     b'{"fields": {}, "arrays": [["a", "<f8", [-1]]]}', b'{"fields": {}, "arrays": [["a", "<f8", [999999999]]]}'],
)  # fmt: skip
def test_a_frame_that_is_none_is_refused(pair, header):
    pair[0].sendall(struct.pack("<I", len(header)) + header)
    with pytest.raises((ValueError, KeyError)):
        receive(pair[1])


def test_a_frame_that_ends_early_says_so(pair):
    pair[0].sendall(struct.pack("<I", 100) + b'{"fields"')
    pair[0].close()
    with pytest.raises(EOFError, match="91 bytes early"):
        receive(pair[1])


def test_a_python_without_lerobot_is_one_sentence_at_once(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    begun_s = time.monotonic()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no module named lerobot >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(CheckpointInvalid, match="does not load in"):
        open_policy(f"lerobot:{python}?path={tmp_path}&joints=right_arm&hz=20", ROBOT)
    assert time.monotonic() - begun_s < 20.0


def test_a_folder_without_a_policy_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="no folder with a LeRobot policy"):
        open_policy(f"lerobot:{sys.executable}?path={tmp_path}", ROBOT)


@pytest.fixture(scope="module")
def act_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("act")
    script = str(HERE / "make_act.py")
    command = [str(LEROBOT_PYTHON), script, str(folder), *map(str, HOME_RAD)]
    subprocess.run(command, env=LEROBOT_ENVIRONMENT, check=True, timeout=120, capture_output=True)
    return folder


@needs_lerobot
@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_real_act_policy_plans_dies_and_comes_back(act_folder, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", LEROBOT_ENVIRONMENT["PYTHONPATH"])
    address = f"lerobot:{LEROBOT_PYTHON}?path={act_folder}&joints=right_arm&hz=20"
    with pytest.raises(CheckpointInvalid, match=r"'action' of shape \[7\], but these are 3 joints: neck_"):
        open_policy(address.replace("right_arm", "neck"), ROBOT)
    policy = open_policy(address + "&deadline=2", ROBOT)
    try:
        assert policy.cameras == ("ego",)
        assert policy.execute_s == pytest.approx(0.4)
        first = policy.act(observation(images={"ego": PICTURE}))
        assert first.q_rad.shape == (20, 7), policy.problem
        np.testing.assert_allclose(first.q_rad, np.tile(HOME_RAD, (20, 1)), atol=0.3)
        again = policy.act(observation(images={"ego": PICTURE}))
        np.testing.assert_allclose(again.q_rad, first.q_rad, atol=1e-5)
        assert policy.act(observation(images={"ego": PICTURE[::2]})) is None
        assert "128 x 48, the policy was trained with 128 x 96" in policy.problem
        os.kill(policy._link._worker.pid, 9)
        assert policy.act(observation(images={"ego": PICTURE})) is None
        assert policy.refused["worker died"] == 1
        deadline_s = time.monotonic() + 90.0
        while (plan := policy.act(observation(images={"ego": PICTURE}))) is None:
            assert time.monotonic() < deadline_s, policy.problem
            time.sleep(0.1)
        np.testing.assert_allclose(plan.q_rad, first.q_rad, atol=1e-5)
    finally:
        policy.close()
