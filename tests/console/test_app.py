"""The routes over a real server: newest values, commands with their reasons, nothing that is not JSON."""

import json
import time

import httpx
import pytest
from websockets.sync.client import connect

from rove_teleop.clock import monotonic_s
from rove_teleop.console import COMMANDS

from .served import JPEG


def post(console, name, **headers):
    return httpx.post(f"{console.url}/api/command/{name}", headers={**console.page, **headers})


def listen(console):
    return connect(f"ws://{console.host}/ws", origin=console.url)


def test_the_page_and_its_parts_are_served(console):
    page = httpx.get(console.url)
    assert page.headers["content-type"].startswith("text/html")
    for part in ("console.css", "console.js", "link.js", "view.js", "icon.svg"):
        assert httpx.get(f"{console.url}/static/{part}").status_code == 200
    assert httpx.get(f"{console.url}/healthz").json() == {"ok": True, "status_age_s": None}


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/static/../app.py", "/static/%2e%2e/app.py", "/etc/passwd"]
)
def test_nothing_else_is_served(console, path):
    assert httpx.get(console.url + path).status_code == 404


def test_status_has_the_newest_words_and_never_nan(console):
    console.session.say(phase="paused", episode=3, elapsed_s=float("nan"))
    console.session.take_session('{"successes": 2, "score": Infinity}')
    answer = httpx.get(f"{console.url}/api/status")
    state = json.loads(answer.text, parse_constant=pytest.fail)
    assert state["status"] == {"phase": "paused", "episode": 3, "elapsed_s": None}
    assert state["session"] == {"successes": 2, "score": None}
    assert state["timeline"][0][2:] == ["paused", 3]
    assert 0.0 <= state["status_age_s"] < 5.0


def test_every_command_reaches_control_and_its_reason_comes_back(console):
    console.session.allowed = set(COMMANDS) - {"give_back"}
    for name in COMMANDS:
        answer = post(console, name)
        assert answer.status_code == (409 if name == "give_back" else 200)
        assert answer.json()["accepted"] is (name != "give_back")
    assert console.session.asked == list(COMMANDS)
    assert "not possible in state idle" in post(console, "give_back").json()["message"]


@pytest.mark.parametrize("name", ["jump", "start", "Pause", "pause%20", "..%2fpause", "%00", "x" * 2000])
def test_an_unknown_command_is_404_and_reaches_nobody(console, name):
    assert post(console, name).status_code == 404
    assert console.session.asked == []


def test_a_command_needs_the_header_that_forms_cannot_send(console):
    answer = httpx.post(f"{console.url}/api/command/pause", headers={"Origin": console.url})
    assert answer.status_code == 403
    assert "X-Rove" in answer.json()["message"]
    assert console.session.asked == []


def test_a_command_is_never_a_get(console):
    assert httpx.get(f"{console.url}/api/command/pause", headers=console.page).status_code == 405


def test_a_control_that_does_not_answer_is_503_with_a_sentence(console):
    console.session.silent = True
    answer = post(console, "stop")
    assert answer.status_code == 503
    assert answer.json() == {"accepted": False, "message": "control did not answer 'stop' within 1 s"}


def test_states_follow_each_other_at_most_twenty_times_a_second(console):
    with listen(console) as socket:
        json.loads(socket.recv(timeout=2))
        begun_s = monotonic_s()
        for tick in range(10):
            console.session.say(tick=tick)
            socket.send("next")
            assert json.loads(socket.recv(timeout=2))["status"]["tick"] == tick
        assert monotonic_s() - begun_s >= 10 * 0.05 * 0.9


def test_a_slow_reader_gets_the_newest_state_and_never_a_backlog(console):
    console.session.say(tick=0)
    with listen(console) as socket:
        socket.recv(timeout=2)
        for tick in range(1, 200):
            console.session.say(tick=tick)
            time.sleep(0.003)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.1)
        socket.send("next")
        assert json.loads(socket.recv(timeout=2))["status"]["tick"] == 199


@pytest.mark.integration
def test_a_client_that_floods_or_sends_bytes_hurts_nobody_else(console):
    with listen(console) as flood, listen(console) as other:
        other.recv(timeout=2)
        for _ in range(300):
            flood.send(b"\x00\xff")
        console.session.say(tick=7)
        begun_s = monotonic_s()
        other.send("next")
        assert json.loads(other.recv(timeout=2))["status"]["tick"] == 7
        assert monotonic_s() - begun_s < 2.0


def test_a_long_websocket_message_ends_that_connection_only(console):
    with listen(console) as long, listen(console) as other:
        long.send("x" * 5000)
        other.recv(timeout=2)
        other.send("next")
        other.recv(timeout=2)
    assert long.close_code == 1009


def test_pictures_come_once_each_and_the_newest_first(console):
    assert httpx.get(f"{console.url}/camera/door.jpg").status_code == 404
    console.session.take_frame("ego", JPEG, monotonic_s())
    console.session.take_frame("ego", JPEG + b"newer", monotonic_s())
    picture = httpx.get(f"{console.url}/camera/ego.jpg")
    assert picture.content == JPEG + b"newer"
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["x-frame-sequence"] == "2"
    begun_s = monotonic_s()
    assert httpx.get(f"{console.url}/camera/ego.jpg?after=2").status_code == 204
    assert 0.9 < monotonic_s() - begun_s < 3.0
    # A page that is older than a restarted console asks for a number that is yet to come.
    assert httpx.get(f"{console.url}/camera/ego.jpg?after=99").status_code == 200


@pytest.mark.parametrize("after", ["-1", "nan", "1e400", "x", ""])
def test_a_sequence_that_is_no_number_is_refused(console, after):
    assert httpx.get(f"{console.url}/camera/ego.jpg?after={after}").status_code == 422
