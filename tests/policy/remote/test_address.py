import pytest

from rove_teleop.errors import UsageError
from rove_teleop.policy.opening import open_policy
from rove_teleop.policy.remote.address import is_remote, read_address
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")


def test_the_settings_are_taken_off_the_url():
    address = read_address("ws://gpu:8000/pi0?joints=right_arm,left_arm&hz=50&cameras=ego:observation/image,wrist")
    assert (address.scheme, address.place) == ("ws", "ws://gpu:8000/pi0")
    assert address.names("joints") == ("right_arm", "left_arm")
    assert address.pairs("cameras") == {"ego": "observation/image", "wrist": "wrist"}
    assert address.number("hz", 0.0, 1.0, 100.0) == 50.0
    worker = read_address("lerobot:/venvs/lerobot/bin/python?path=/models/act&joints=right_arm")
    assert (worker.scheme, worker.place) == ("lerobot", "/venvs/lerobot/bin/python")


def test_files_are_no_addresses():
    assert not any(map(is_remote, ("policy.safetensors", "./ws.safetensors", "/models/lerobot/act")))
    assert all(map(is_remote, ("ws://a:1", "wss://a:1", "zmq://a:1", "lerobot:/usr/bin/python3")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ws://gpu", "needs a host and a port"),
        ("ws://:8000", "needs a host and a port"),
        ("ws://gpu:99999", "out of range"),
        ("ws://gpu:8000?speed=2", r"nothing knows \['speed'\]"),
        ("ws://gpu:8000?joints", "joints"),
        ("ws://me:secret@gpu:8000", "ROVE_POLICY_TOKEN"),
        ("ws://127.0.0.1:9?deadline=soon", "deadline=soon is not a number"),
        ("ws://127.0.0.1:9?deadline=99", "deadline=99 is not a number from 0.01 to 10"),
        ("wss://127.0.0.1:9?ca=/no/such/file", "ca=/no/such/file cannot be read"),
        ("lerobot:/no/such/python?path=/tmp", "is no Python"),
        ("no_such_file.safetensors", "there is no such file"),
    ],
)
def test_a_wrong_address_is_one_sentence(text, words):
    with pytest.raises(UsageError, match=words) as refused:
        open_policy(text, ROBOT)
    assert "secret" not in str(refused.value)
