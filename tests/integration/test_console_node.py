"""The console process on real ROS 2: what other programs publish is on the page, and buttons reach services."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from .console_process import running_console, start_console
from .ros_watch import Watcher

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

DOMAIN = 25
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
JPEG = b"\xff\xd8\xff\xe0" + bytes(60_000) + b"\xff\xd9"


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher(DOMAIN, "session_stand_in")
    yield made
    made.close()


@pytest.fixture
def console() -> Iterator[str]:
    with running_console(DOMAIN, "--cameras", "ego,side") as address:
        yield address


def state(console: str) -> dict:
    return httpx.get(f"{console}/api/status").json()


def press(console: str, name: str) -> httpx.Response:
    return httpx.post(f"{console}/api/command/{name}", headers={"X-Rove": "1", "Origin": console})


def test_what_others_publish_is_what_the_page_gets(console, watcher):
    status = watcher.node.create_publisher(String, "rove/status", 1)
    session = watcher.node.create_publisher(String, "rove/session", LATCHED)
    event = watcher.node.create_publisher(String, "rove/event", 50)
    camera = watcher.node.create_publisher(CompressedImage, "camera/side/image_raw/compressed", 2)
    assert state(console)["status"] == {}
    session.publish(String(data='{"episodes_done": 2}'))
    watcher.spin_until(lambda: all(p.get_subscription_count() for p in (status, session, event, camera)), 10)

    def seen() -> bool:
        status.publish(String(data='{"phase": "adaptation", "episode": 1, "operator_age_s": NaN}'))
        event.publish(String(data='{"kind": "state", "detail": "x"}'))
        camera.publish(CompressedImage(format="jpeg", data=JPEG))
        now = state(console)
        picture = httpx.get(f"{console}/camera/side.jpg")
        return now["status"] and now["session"] and now["events"] and picture.content == JPEG

    assert watcher.spin_until(seen, 10)
    now = state(console)
    assert now["status"] == {"phase": "adaptation", "episode": 1, "operator_age_s": None}
    assert now["session"] == {"episodes_done": 2}
    assert now["events"][0]["kind"] == "state"
    assert now["timeline"][-1][2] == "adaptation"
    assert now["cameras"] == ["ego", "side"]
    # Nonsense changes nothing and ends nothing; the last good word grows old.
    for text in ("", "[]", "{", '{"a":' * 5000):
        status.publish(String(data=text))
    camera.publish(CompressedImage(format="jpeg", data=b"no picture"))
    watcher.spin_for(0.3)
    assert state(console)["status"] == now["status"]
    assert state(console)["status_age_s"] >= 0.3
    assert httpx.get(f"{console}/camera/side.jpg").content == JPEG


def test_buttons_reach_services_and_answers_come_back(console, watcher):
    missing = press(console, "pause")
    assert missing.status_code == 503
    assert "control is not running" in missing.json()["message"]

    def refuse(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = False, "the state does not allow it"
        return response

    def take(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, "paused"
        return response

    watcher.node.create_service(Trigger, "rove/give_back", refuse)
    watcher.node.create_service(Trigger, "rove/pause", take)
    with ThreadPoolExecutor(1) as pool:

        def pressed(name: str) -> httpx.Response:
            answer = pool.submit(press, console, name)
            assert watcher.spin_until(answer.done, 10)
            return answer.result()

        assert watcher.spin_until(lambda: pressed("pause").status_code == 200, 10)
        assert pressed("pause").json() == {"accepted": True, "message": "paused"}
        assert watcher.spin_until(lambda: pressed("give_back").status_code == 409, 10)
        assert pressed("give_back").json() == {"accepted": False, "message": "the state does not allow it"}
    # Nobody spins the service now: it is there, and silent.
    silent = press(console, "pause")
    assert silent.status_code == 503
    assert "did not answer 'pause' within 1 s" in silent.json()["message"]
    assert state(console)["status"] == {}, "a silent control does not block the page"


def test_a_silent_control_does_not_block_the_page(console, watcher):
    watcher.node.create_service(Trigger, "rove/pause", lambda request, response: response)
    assert watcher.spin_until(lambda: "did not" in press(console, "pause").json()["message"], 10)
    waiting = [threading.Thread(target=press, args=(console, "pause")) for _ in range(10)]
    for thread in waiting:
        thread.start()
    answers = [httpx.get(f"{console}/healthz").elapsed.total_seconds() for _ in range(20)]
    for thread in waiting:
        thread.join()
    assert max(answers) < 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "loopback only"),  # refused before anything is bound
        (("--host", "lab.example"), "lab.example"),
        (("--port", "99999"), "--port 99999"),
        (("--port", "0", "--cameras", "ego,../x"), "--cameras"),
    ],
)
def test_refused_with_one_sentence(arguments, words):
    process = start_console(DOMAIN, *arguments)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert output == ""
    assert words in errors
    assert len(errors.strip().splitlines()) == 1
