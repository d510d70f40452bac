"""The headset's page over real TLS: who may speak, what gets through to the operator's process, and what does not."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from rove_teleop.console.headset import PROTOCOL, FrameSocket

from .served_headset import FRAME_BYTES, Page, ServedHeadset, served_headset

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration

STATIC = ("headset.js", "headset_frame.js", "headset_link.js", "headset_panel.js", "headset_words.js", "headset.css")


@pytest.fixture
def headset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedHeadset]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with served_headset(tmp_path) as served:
        yield served


def frame(letter: str = "a") -> bytes:
    return letter.encode() * FRAME_BYTES


def ask(page: Page) -> dict[str, object]:
    """What the page is told; by then every frame it sent before has been handed on."""
    page.send("state")
    answer: dict[str, object] = json.loads(page.recv())
    return answer


def test_the_page_and_all_it_needs_come_over_tls_without_a_code(headset: ServedHeadset):
    with httpx.Client(verify=headset.trust) as browser:
        page = browser.get(headset.url)
        assert page.status_code == 200 and "Enter VR" in page.text
        assert "http" not in page.text.replace("http-equiv", "")
        for name in STATIC:
            assert browser.get(f"{headset.url}/static/{name}").status_code == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/api/status", "/ws", "/camera/ego.jpg", "/api/command/stop", "/healthz", "/docs"])
def test_nothing_of_the_console_is_served_here(headset: ServedHeadset, path: str):
    with httpx.Client(verify=headset.trust, headers={"Origin": headset.url, "X-Rove": "1"}) as browser:
        assert browser.get(headset.url + path).status_code == 404
        assert browser.post(headset.url + path).status_code in (404, 405)


def test_without_tls_nobody_answers(headset: ServedHeadset):
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{headset.host}/", timeout=5)
    with pytest.raises(ssl.SSLError), socket.create_connection(headset.host.split(":"), 5) as raw:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("AES128-SHA@SECLEVEL=0")
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.wrap_socket(raw)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", ""])
def test_a_foreign_host_is_refused(headset: ServedHeadset, host: str):
    name = host.format(port=headset.host.split(":")[1])
    answer = httpx.get(headset.url, headers={"Host": name}, verify=headset.trust)
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("code", ["", "wrong", "aaaa-aaaa-aaaa"])
def test_a_wrong_code_is_refused_before_the_socket_opens(headset: ServedHeadset, code: str):
    offered = [PROTOCOL, code] if code else [PROTOCOL]
    with pytest.raises(InvalidStatus) as refused, headset.headset(subprotocols=offered):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [None, "https://evil.example", "http://{host}", "null"])
def test_a_foreign_page_is_refused_even_with_the_code(headset: ServedHeadset, origin: str | None):
    wanted = None if origin is None else origin.format(host=headset.host)
    with pytest.raises(InvalidStatus) as refused, headset.headset(origin=wanted):
        pass
    assert refused.value.response.status_code == 403


def test_who_guesses_is_shut_out(headset: ServedHeadset):
    with headset.headset():
        pass
    for _ in range(5):
        with pytest.raises(InvalidStatus), headset.headset("wrong"):
            pass
    with pytest.raises(InvalidStatus), headset.headset():
        pass


def test_frames_arrive_as_they_were_sent_and_the_state_comes_back(headset: ServedHeadset):
    headset.session.say(authority="HUMAN", phase="ADAPTATION", reason="the operator took over", secret="x")
    headset.session.take_calibration('{"title": "Hands", "text": "Make a fist", "progress": 0.25}')
    with headset.headset() as page:
        assert page.subprotocol == PROTOCOL
        assert ask(page)["lease"] == "free"
        page.send(frame("a"))
        page.send(frame("b"))
        state = ask(page)
    assert headset.arrived() == [frame("a"), frame("b")]
    assert state["authority"] == "HUMAN" and state["reason"] == "the operator took over"
    assert state["calibration"] == {"title": "Hands", "text": "Make a fist", "progress": 0.25}
    assert state["lease"] == "yours" and state["operator_listens"] is True
    assert "secret" not in state


def test_a_second_headset_is_told_and_not_heard_until_the_first_leaves(headset: ServedHeadset):
    with headset.headset() as second:
        with headset.headset() as first:
            first.send(frame("1"))
            ask(first)
            second.send(frame("2"))
            assert ask(second)["lease"] == "other"
            assert headset.arrived() == [frame("1")]
        for _ in range(100):
            second.send(frame("2"))
            if ask(second)["lease"] == "yours":
                break
            time.sleep(0.02)
        assert frame("2") in headset.arrived()


def test_the_server_ends_while_a_page_is_just_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with served_headset(tmp_path) as served:
        page = _said_goodbye(served)
        # This side ends TLS only after the server was told to stop.
        leaving = threading.Timer(0.4, page.close)
        leaving.start()
    leaving.join()


def _said_goodbye(served: ServedHeadset) -> ssl.SSLSocket:
    host, port = served.host.rsplit(":", 1)
    page = served.trust.wrap_socket(socket.create_connection((host, int(port)), timeout=5.0), server_hostname=host)
    protocols = [Subprotocol(PROTOCOL), Subprotocol(served.code)]
    protocol = ClientProtocol(parse_uri(f"wss://{served.host}/headset"), origin=served.url, subprotocols=protocols)
    protocol.send_request(protocol.connect())
    page.sendall(b"".join(protocol.data_to_send()))
    while protocol.state.name == "CONNECTING":
        protocol.receive_data(page.recv(4096))
    protocol.send_close(1001)
    page.sendall(b"".join(protocol.data_to_send()))
    while protocol.close_rcvd is None:
        protocol.receive_data(page.recv(4096))
    return page


def test_without_an_operator_process_the_page_says_so(headset: ServedHeadset, tmp_path: Path):
    (tmp_path / "headset.sock").unlink()
    with headset.headset() as page:
        for _ in range(60):
            page.send(frame())
        assert ask(page)["operator_listens"] is False


@pytest.mark.parametrize("message", [b"", b"x" * (FRAME_BYTES - 1), b"x" * (FRAME_BYTES + 1), "give me all", "{}"])
def test_anything_else_ends_the_connection(headset: ServedHeadset, message: str | bytes):
    with headset.headset() as page:
        page.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            page.recv()
    assert closed.value.rcvd.code == 1008
    assert headset.arrived() == []


def test_large_messages_and_floods_end_the_connection_and_nothing_else(headset: ServedHeadset):
    with headset.headset() as page, pytest.raises(ConnectionClosed):
        page.send(b"x" * 100_000)
        page.recv()
    with headset.headset() as page, pytest.raises(ConnectionClosed):
        for _ in range(2000):
            page.send(frame())
        page.recv()
    headset.arrived()
    with headset.headset() as page:
        page.send(frame("z"))
        assert ask(page)["lease"] == "yours"
    assert headset.arrived()[-1] == frame("z")


def test_a_slow_operator_loses_frames_and_nobody_waits(tmp_path: Path):
    path = tmp_path / "o.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as operator, closing(FrameSocket(path)) as frames:
        operator.bind(str(path))
        for _ in range(5000):
            frames.send(frame())
        assert frames.counts["operator_busy"] > 0 and not frames.delivers
        operator.recv(FRAME_BYTES)
        frames.send(frame())
        assert frames.delivers
        assert frames.counts.total() == 5001
