import io
import threading
import time
from contextlib import contextmanager

import msgpack
import numpy as np
import pytest

from rove_teleop.errors import CheckpointInvalid, MessageRefused
from rove_teleop.policy.remote.address import read_address
from rove_teleop.policy.remote.groot import GrootLink
from rove_teleop.policy.remote.groot_encoding import pack, unpack
from rove_teleop.policy.remote.policy import RemotePolicy

from .serving import HOME_RAD, ROBOT, observation

zmq = pytest.importorskip("zmq", reason="needs pyzmq, from the gr00t extra")

HAND_RAD = ROBOT.home_rad[ROBOT.groups["right_hand"]]
CONFIG = {
    "state": {"delta_indices": [0], "modality_keys": ["right_arm", "right_hand"]},
    "action": {"delta_indices": list(range(16)), "modality_keys": ["right_arm", "right_hand"]},
    "video": {"delta_indices": [0], "modality_keys": ["ego"]},
    "language": {"delta_indices": [0], "modality_keys": ["annotation.task"]},
}
PICTURE = np.zeros((8, 12, 3), np.uint8)


def as_they_write(value):
    """GR00T's encoding of a reply, written from its description."""

    def encode(item):
        output = io.BytesIO()
        np.save(output, item, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": output.getvalue()}

    return msgpack.packb(value, default=encode)


def modalities(form=lambda config: config):
    return {name: {"__ModalityConfig_class__": True, "as_json": form(config)} for name, config in CONFIG.items()}


def stay(request):
    """Where the robot is, for 16 rows."""
    state = request["data"]["observation"]["state"]
    return [{key: np.tile(value.astype(np.float32), (1, 16, 1)) for key, value in state.items()}, {}]


@contextmanager
def groot(*answers, port=0, said=None):
    """A REP socket that answers each get_action with the next of ``answers`` (the last one again and again)."""
    socket = zmq.Context.instance().socket(zmq.REP)
    socket.linger = 0
    port = (
        socket.bind_to_random_port("tcp://127.0.0.1") if not port else socket.bind(f"tcp://127.0.0.1:{port}") and port
    )
    seen, leave = [], threading.Event()

    def serve():
        waiting = list(answers)
        while not leave.is_set():
            if not socket.poll(20):
                continue
            request = unpack(socket.recv())
            seen.append(request)
            if request["endpoint"] == "get_modality_config":
                socket.send(as_they_write(modalities() if said is None else said))
            elif request["endpoint"] == "reset":
                socket.send(as_they_write({}))
            else:
                reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                reply = reply(request) if callable(reply) else reply
                socket.send(reply if isinstance(reply, bytes) else as_they_write(reply))
        socket.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"zmq://127.0.0.1:{port}", seen
    finally:
        leave.set()
        thread.join()


@contextmanager
def connected(url, deadline_s=0.5, hang_s=0.6):
    link = GrootLink(read_address(url), ROBOT)
    link.hang_s = hang_s
    policy = RemotePolicy(link, ROBOT, deadline_s)
    try:
        yield policy
    finally:
        policy.close()


def test_state_pictures_and_words_go_out_and_a_plan_comes_back():
    with groot(stay) as (url, seen), connected(f"{url}?hz=20&execute=8") as policy:
        policy.reset(1)
        plan = policy.act(observation(images={"ego": PICTURE}))
    assert [request["endpoint"] for request in seen] == ["get_modality_config", "reset", "get_action"]
    sent = seen[-1]["data"]["observation"]
    assert sent["video"]["ego"].shape == (1, 1, 8, 12, 3)
    assert sent["state"]["right_arm"].shape == (1, 1, 7)
    assert sent["language"] == {"annotation.task": [["toast the bread"]]}
    assert policy.cameras == ("ego",)
    np.testing.assert_allclose(plan.q_rad, np.tile(np.concatenate([HOME_RAD, HAND_RAD]), (16, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ({"error": "Invalid API token"}, "error of the server"),
        (b"ERROR", "error of the server"),
        (b"\xc1", "not decodable"),
        (lambda request: as_they_write([{}, {}]), "wrong shape"),
        (lambda request: [{key: value[:, :, :-1] for key, value in stay(request)[0].items()}, {}], "wrong shape"),
        (lambda request: [{key: np.nan * value for key, value in stay(request)[0].items()}, {}], "plan not finite"),
        ([{"right_arm": {"__ndarray_class__": True, "as_npy": b"\x80\x04N."}}, {}], "not decodable"),
    ],
)
def test_an_answer_that_cannot_be_used_is_counted_and_the_next_one_is_used(reply, reason):
    with groot(reply, stay) as (url, _), connected(f"{url}?hz=20") as policy:
        assert policy.act(observation(images={"ego": PICTURE})) is None
        assert policy.refused == {reason: 1}
        assert policy.act(observation(images={"ego": PICTURE})) is not None, policy.problem


def test_a_server_that_hangs_is_asked_anew_and_the_old_answer_never_arrives():
    def late(request):
        time.sleep(0.8)
        return [{key: value + 0.1 for key, value in stay(request)[0].items()}, {}]

    with groot(late, stay) as (url, _), connected(f"{url}?hz=20", deadline_s=0.1, hang_s=0.3) as policy:
        assert policy.act(observation(images={"ego": PICTURE})) is None
        plan, deadline_s = None, time.monotonic() + 5.0
        while plan is None and time.monotonic() < deadline_s:
            time.sleep(0.05)
            plan = policy.act(observation(images={"ego": PICTURE}))
        assert policy.refused["hangs"] == 1
        np.testing.assert_allclose(plan.q_rad[0, :7], HOME_RAD, atol=1e-6)


def test_groups_have_the_names_that_the_address_gives_them():
    said = {**CONFIG}
    for name in ("state", "action"):
        said[name] = {"modality_keys": ["arm"], "delta_indices": list(range(16))}
    with groot(stay, said=said) as (url, _):
        with connected(f"{url}?hz=20&groups=arm:right_arm") as policy:
            assert policy.act(observation(images={"ego": PICTURE})).q_rad.shape == (16, 7)
        with pytest.raises(CheckpointInvalid, match=r"\('arm',\).*groups.*right_arm.*THEIRS:OURS"):
            connected(f"{url}?hz=20").__enter__()


def test_python_objects_are_refused_before_they_are_built():
    output = io.BytesIO()
    np.save(output, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(MessageRefused, match="cannot be read"):
        unpack(msgpack.packb({"__ndarray_class__": True, "as_npy": output.getvalue()}))


def test_our_arrays_are_read_back():
    array = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    np.testing.assert_array_equal(unpack(pack({"a": array}))["a"], array)
