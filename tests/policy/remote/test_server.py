import asyncio
import dataclasses
import json
import re
import subprocess
import time
import urllib.request

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from rove_teleop.cli import main
from rove_teleop.console.tls import headset_certificate
from rove_teleop.errors import PolicyUnavailable, UsageError
from rove_teleop.policy.opening import open_policy
from rove_teleop.policy.remote.address import read_address
from rove_teleop.policy.remote.door import Door, read_tls
from rove_teleop.policy.remote.encoding import pack, unpack
from rove_teleop.policy.remote.openpi import OpenpiLink
from rove_teleop.policy.remote.server import PolicyServer
from rove_teleop.serving import read_token

from .peers import HERE, OPENPI_PYTHON, needs_openpi, run_openpi
from .serving import HOME_RAD, INDEX, JOINTS, ROBOT, SERVED, Leaning, observation, our_server


@pytest.fixture(scope="module")
def url():
    with our_server() as it:
        yield it


def question(**more):
    return {"observation/state": HOME_RAD.astype(np.float32), "rove/features": np.zeros(2, np.float32), **more}


def ask(url, *questions, **options):
    """Metadata, and the answers until text comes."""
    with connect(url, compression=None, **options) as connection:
        said, found = unpack(connection.recv()), []
        for item in questions:
            connection.send(item if isinstance(item, bytes | str) else pack(item))
            reply = connection.recv(timeout=5)
            found.append(reply if isinstance(reply, str) else unpack(reply))
        return said, found


def test_it_says_what_it_serves_and_its_example_is_answered(url):
    said, (answer,) = ask(url, unpack(pack(SERVED.metadata()))["example_observation"])
    assert said["policy"] == "test:1"
    assert tuple(said["joint_names"]) == JOINTS
    assert said["action_dim"] == 7
    assert answer["actions"].shape == (6, 7)
    assert answer["server_timing"]["infer_ms"] > 0.0


def test_our_client_gets_from_our_server_what_the_policy_plans_here(url):
    policy = open_policy(url, ROBOT)
    q_rad = ROBOT.home_rad + 0.01
    seen = dataclasses.replace(observation(q_rad), stamp_s=12.0, delay_s=0.125)
    remote, local = policy.act(seen), Leaning().act(seen)
    policy.close()
    np.testing.assert_allclose(remote.q_rad, local.q_rad, atol=1e-6)
    np.testing.assert_allclose(remote.offset_s, local.offset_s)
    np.testing.assert_array_equal(remote.joint_index, INDEX)
    np.testing.assert_array_equal(remote.embedding, [12.0, 0.125])
    assert remote.valid_s == 0.2
    assert remote.value == 1.0


def test_a_reset_reaches_the_policy_and_clients_have_one_each(url):
    one, other = open_policy(url, ROBOT), open_policy(url, ROBOT)
    assert [one.act(observation()).value for _ in range(3)] == [1, 2, 3]
    assert other.act(observation()).value == 1
    one.reset(5)
    assert [one.act(observation()).value for _ in range(2)] == [1, 2]
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"prompt": "hi"}, "'observation/state' is missing"),
        (question(**{"observation/state": np.zeros(3)}), r"has shape \(3,\), must be \(7,\): \['right_sh"),
        (question(**{"rove/features": np.zeros(1)}), r"must be \(2,\): \['gap', 'ink'\]"),
        (question(**{"observation/state": np.full(7, np.nan)}), "no plan: observation not finite"),
        (question(**{"observation/state": "left"}), "holds str"),
        (b"\xc1", "not msgpack"),
        ("hello", "not a map"),
        (pack([1, 2]), "not a map"),
    ],
)
def test_a_question_without_an_answer_is_text_and_the_end_of_that_connection_only(url, asked, words):
    with connect(url, compression=None) as bystander:
        bystander.recv()
        with connect(url, compression=None) as connection:
            connection.recv()
            connection.send(asked if isinstance(asked, bytes | str) else pack(asked))
            reply = connection.recv(timeout=5)
            assert isinstance(reply, str)
            assert re.search(words, reply), reply
            with pytest.raises(ConnectionClosedError) as end:
                connection.recv(timeout=5)
            assert end.value.rcvd.code == 1011
        bystander.send(pack(question()))
        assert "actions" in unpack(bystander.recv(timeout=5))


def test_pictures_are_checked_and_unknown_keys_ignored():
    served = dataclasses.replace(SERVED, cameras=("ego",))
    with our_server(served) as url:
        picture = {"observation/images/ego": np.zeros((4, 4, 3), np.uint8)}
        _, (fine,) = ask(url, question(**picture, **{"their/extra": 7}))
        assert "actions" in fine
        _, (refused,) = ask(url, question())
        assert "'observation/images/ego' must be a uint8 picture" in refused


def test_health_is_openpis_and_pings_flow_while_the_policy_thinks():
    class Slow(Leaning):
        def act(self, seen):
            time.sleep(0.5)
            return super().act(seen)

    with our_server(make_policy=Slow) as url:
        with urllib.request.urlopen(url.replace("ws", "http") + "/healthz", timeout=5) as reply:
            assert (reply.status, reply.read()) == (200, b"OK\n")
        with connect(url, compression=None) as connection:
            connection.recv()
            connection.send(pack(question()))
            assert connection.ping().wait(0.3), "no pong while it computes"
            assert "actions" in unpack(connection.recv(timeout=5))


def test_a_token_is_wanted_and_a_browsers_page_is_not(monkeypatch):
    with our_server(token="a" * 20) as url:
        for headers in (None, {"Authorization": "Api-Key " + "b" * 20}, {"Authorization": "Api-Key \xe4"}):
            with pytest.raises(InvalidStatus, match="401"):
                ask(url, additional_headers=headers)
        assert ask(url, additional_headers={"Authorization": "Api-Key " + "a" * 20})
        monkeypatch.setenv("ROVE_POLICY_TOKEN", "a" * 20)
        open_policy(url, ROBOT).close()
    with our_server() as url, pytest.raises(InvalidStatus, match="403"):
        ask(url, origin="http://127.0.0.1:8080")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "gpu.local"])
def test_the_network_gets_a_policy_with_token_and_tls_only(host):
    for door in (Door(host), Door(host, token="a" * 20)):
        with pytest.raises(UsageError, match="token and TLS"):
            PolicyServer(SERVED, Leaning, door)


def test_a_port_that_is_taken_is_one_sentence(url):
    server = PolicyServer(SERVED, Leaning, Door(port=int(url.rpartition(":")[2])))
    with pytest.raises(UsageError, match=r"--host 127\.0\.0\.1 --port \d+: .*in use"):
        asyncio.run(server.run(print, asyncio.Event()))


@pytest.mark.parametrize("host, url", [("::1", "ws://[::1]:"), ("127.0.0.1", "ws://127.0.0.1:")])
def test_the_url_it_says_is_one_that_can_be_asked(host, url):
    with our_server(host=host) as said:
        assert said.startswith(url)
        assert ask(said)[0]["policy"] == "test:1"


INFER = """
import json, sys
from openpi_client.websocket_client_policy import WebsocketClientPolicy
client = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]), api_key="unused")
said = client.get_server_metadata()
answers = [client.infer(said["example_observation"]) for _ in range(3)]
try:
    client.infer({"prompt": "nothing else"})
except RuntimeError as error:
    refused = str(error)
print(json.dumps({"joints": said["joint_names"], "rows": answers[0]["actions"].tolist(),
                  "timing": sorted(answers[2]["server_timing"]), "refused": refused}))
"""


@needs_openpi
def test_the_real_openpi_client_is_served(url):
    said = json.loads(run_openpi(INFER, url.rpartition(":")[2]))
    assert tuple(said["joints"]) == JOINTS
    np.testing.assert_allclose(said["rows"], np.tile(HOME_RAD, (6, 1)), atol=1e-6)
    assert said["timing"] == ["infer_ms", "prev_total_ms"]
    assert "'observation/state' is missing" in said["refused"]


@needs_openpi
def test_a_server_with_openpis_own_encoding_is_understood():
    """The server is written after openpi's, its bytes are made by openpi_client.msgpack_numpy."""
    process = subprocess.Popen([str(OPENPI_PYTHON), str(HERE / "stock_server.py")], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline())
        policy = open_policy(
            f"ws://127.0.0.1:{port}?joints=right_arm&hz=50&execute=10&cameras=ego:observation/image", ROBOT
        )
        picture = np.full((8, 8, 3), 7, np.uint8)
        plan = policy.act(observation(images={"ego": picture}))
        assert plan is not None, policy.problem
        np.testing.assert_allclose(plan.q_rad, np.tile(HOME_RAD, (5, 1)) + 0.007, atol=1e-6)
        np.testing.assert_allclose(plan.offset_s, 0.02 * np.arange(1, 6))
        assert policy.act(observation(images={"ego": picture[:4]})) is None
        assert "ValueError: not square" in policy.problem
        deadline_s = time.monotonic() + 3.0
        while policy.act(observation(images={"ego": picture})) is None:
            assert time.monotonic() < deadline_s, policy.problem
            time.sleep(0.02)
        policy.close()
    finally:
        process.kill()
        process.communicate()


def test_over_tls_the_certificate_is_checked(tmp_path, monkeypatch):
    both = headset_certificate(tmp_path, ["127.0.0.1"])
    monkeypatch.setenv("ROVE_POLICY_TOKEN", "a" * 20)
    with our_server(token="a" * 20, tls=read_tls(both, both)) as url:
        policy = open_policy(f"{url}?ca={both}", ROBOT)
        assert url.startswith("wss://")
        assert policy.act(observation()) is not None
        policy.close()
        link = OpenpiLink(read_address(url), ROBOT)
        with pytest.raises(PolicyUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            link.connect()
    with pytest.raises(UsageError, match="--tls-cert"):
        read_tls(tmp_path / "none.pem", both)


@pytest.mark.parametrize("text", ["short", "has a blank in it, which ends it", "ä" * 20, ""])
def test_a_token_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="a token has 16 or more"):
        read_token(tmp_path / "token")


def test_a_key_without_a_certificate_is_not_served_in_clear(tmp_path, capsys):
    assert main(["serve-policy", "--port", "0", "--tls-key", str(tmp_path / "none.pem")]) == 2
    assert "--tls-key" in capsys.readouterr().err
