"""Push and pull over real sockets to an S3 server: kills, two pushers, and everything that can be missing."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from rove_teleop.episodes.read import open_episode
from rove_teleop.remote.pull import pull
from rove_teleop.remote.push import push
from rove_teleop.remote.read import list_remote, open_remote
from rove_teleop.remote.store import ObjectStore
from tests.episodes.recording_tools import begin, fill, jpeg, record
from tests.remote.s3_server import free_port, needs_server, s3_server
from tests.remote.test_push_pull import files_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(scope="module")
def address():
    with s3_server("lab") as url:
        yield url


@pytest.fixture
def s3(address, monkeypatch, request):
    """A prefix of its own in the bucket ``lab``."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
        monkeypatch.setenv(name, value)
    return f"s3://lab/{request.node.name}"


def rove(*arguments, **environment):
    """Run the command line as a person does (an empty variable is not set); exit code, what it said, seconds."""
    begin_s = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "rove_teleop.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        env={name: value for name, value in {**os.environ, **environment}.items() if value},
    )
    return run.returncode, run.stderr, time.monotonic() - begin_s


def big_episode(root, megabytes):
    """An episode whose camera pack is sent in several parts."""
    recording = begin(root)
    fill(recording, range(60))
    for index in range(8, 8 + megabytes):
        recording.frame("ego", jpeg(index, 1_000_000), 1.7e9 + index, 200.0 + index, index)
    return recording.seal("success", last_tick=59)


@needs_server
def test_there_and_back(s3, tmp_path):
    big_episode(tmp_path / "robot", 12)
    record(tmp_path / "robot")
    pushed = push(tmp_path / "robot", s3)
    assert len(pushed.moved) == 2 and push(tmp_path / "robot", s3).moved == ()
    assert pull(s3, tmp_path / "node").bytes == pushed.bytes
    assert files_of(tmp_path / "node" / "episodes") == files_of(tmp_path / "robot" / "episodes")


@needs_server
def test_an_image_is_read_without_the_others(s3, tmp_path, monkeypatch):
    local = open_episode(big_episode(tmp_path / "robot", 12))
    push(tmp_path / "robot", s3)
    fetched = []
    get_range = ObjectStore.get_range

    def counting(self, key, start, length):
        fetched.append(length)
        return get_range(self, key, start, length)

    monkeypatch.setattr(ObjectStore, "get_range", counting)
    remote = open_remote(s3, local.id)
    assert remote.jpeg("ego", 9) == local.jpeg("ego", 9)
    assert sum(fetched) < 1_100_000 < 10_000_000 < local["cameras/ego/jpeg"].nbytes
    assert (remote["control/q_sent_rad"] == local["control/q_sent_rad"]).all()


@needs_server
def test_plain_zarr_opens_what_was_pushed(s3, tmp_path):
    import obstore.store
    import zarr
    from zarr.storage import ObjectStore as ZarrStore

    local = open_episode(record(tmp_path / "robot"))
    push(tmp_path / "robot", s3)
    (name,) = {key.split("/")[1] for key in ObjectStore(s3).sizes("objects/")}
    bucket, _, prefix = s3.removeprefix("s3://").partition("/")
    keys = {"access_key_id": "lab", "secret_access_key": "secret", "endpoint": os.environ["AWS_ENDPOINT_URL"]}
    store = obstore.store.S3Store(
        bucket,
        prefix=f"{prefix}/objects/{name}",
        config={**keys, "region": "us-east-1"},
        client_options={"allow_http": True},
    )
    group = zarr.open_group(ZarrStore(store, read_only=True), mode="r")
    assert (group["control/q_sent_rad"][:] == local["control/q_sent_rad"]).all()


@needs_server
def test_killed_pushes_end_in_the_whole_dataset(s3, tmp_path):
    for _ in range(3):
        record(tmp_path / "robot")
    store = ObjectStore(s3)
    wanted, kills = 1, 0
    while len(list_there(s3)) < 3 and kills < 6:
        process = subprocess.Popen([sys.executable, "-m", "rove_teleop.cli", "push", tmp_path / "robot", s3])
        while process.poll() is None and len(store.sizes("objects/")) < wanted:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        wanted = len(store.sizes("objects/")) + 25
        # Whatever has a commit is whole, whenever the push was killed.
        for number, episode_id in enumerate(list_there(s3)):
            remote = open_remote(s3, episode_id)
            assert all(remote[name] is not None for name in remote), number
    assert kills >= 2
    push(tmp_path / "robot", s3)
    pull(s3, tmp_path / "node")
    assert files_of(tmp_path / "node" / "episodes") == files_of(tmp_path / "robot" / "episodes")


def list_there(url):
    """Ids in a store that may be empty still."""
    return list_remote(url) if ObjectStore(url).read("dataset.json") else []


@needs_server
def test_two_processes_push_at_once(s3, tmp_path):
    for _ in range(3):
        record(tmp_path / "robot")
    command = [sys.executable, "-m", "rove_teleop.cli", "push", tmp_path / "robot", s3]
    pair = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in pair] == [0, 0]
    assert len(list_remote(s3)) == 3
    pull(s3, tmp_path / "node")
    assert files_of(tmp_path / "node" / "episodes") == files_of(tmp_path / "robot" / "episodes")


@needs_server
def test_what_is_missing_is_one_sentence(s3, tmp_path):
    record(tmp_path / "robot")
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    down = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    for url, environment, code, words in (
        ("s3://no-such-bucket/x", {}, 1, "there is no such bucket"),
        (s3, down, 1, "the store does not answer"),
        (s3, nobody, 1, "no credentials were found"),
        (s3, {**nobody, "AWS_PROFILE": "arm-1"}, 2, "has no profile 'arm-1'"),
    ):
        got, said, seconds = rove("push", tmp_path / "robot", url, **environment)
        assert (got, said.count("\n")) == (code, 1) and words in said, said
        assert seconds < 40.0
    got, said, _ = rove("pull", "s3://no-such-bucket/x", tmp_path / "out")
    assert got == 1 and "there is no such bucket" in said


@needs_server
def test_keys_of_a_profile_are_used(s3, tmp_path):
    record(tmp_path / "robot")
    (tmp_path / "credentials").write_text("[arm-1]\naws_access_key_id = a\naws_secret_access_key = b\n")
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_PROFILE": "arm-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    got, said, _ = rove("push", tmp_path / "robot", s3, **environment)
    assert (got, said) == (0, "")


def test_a_server_that_accepts_and_is_silent_is_given_up(tmp_path, monkeypatch):
    record(tmp_path / "robot")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        got, said, seconds = rove(
            "push", tmp_path / "robot", "s3://lab/x", **KEYS, AWS_ENDPOINT_URL=address, NO_PROXY="*"
        )
    assert got == 1 and "the store does not answer" in said and seconds < 60.0
