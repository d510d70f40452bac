"""The console's alarm is heard: real Chromium, real console, an alarm as control publishes it, the sound itself."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")
pytest.importorskip("playwright", reason="needs playwright, from the dev extra")

from playwright import sync_api as playwright
from std_msgs.msg import String

from .console_process import running_console
from .ros_watch import Watcher
from .test_console_browser import CHROMIUM, FLAGS

# `make test` installs Chromium: in CI its absence is a failure, not a skip.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.browser,
    pytest.mark.timeout(60),
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="needs Chromium (apt install chromium)"),
]

DOMAIN = 69

# Whatever goes to the loudspeakers also goes through a meter. It tells on the page's console, for whatever Playwright
# evaluates counts as a person's touch.
METER = """
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
        if (to instanceof AudioDestinationNode) {
            const meter = new AnalyserNode(to.context, { fftSize: 2048 });
            const wave = new Float32Array(meter.fftSize);
            connect.call(this, meter);
            setInterval(() => {
                meter.getFloatTimeDomainData(wave);
                console.info("loud " + Math.max(...wave.map(Math.abs)));
            }, 20);
        }
        return connect.call(this, to, ...rest);
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
        console.info("tone " + this.frequency.value + " " + this.context.state);
        return start.apply(this, when);
    };
    addEventListener("DOMContentLoaded", () => {
        const banner = document.querySelector("[data-testid=alarm]");
        const tell = () => console.info("banner " + (banner.hidden ? "" : banner.textContent));
        new MutationObserver(tell).observe(banner, { attributes: true, childList: true });
    });
"""


class Heard:
    """What the page told of banner, tones and loudness."""

    def __init__(self, page: playwright.Page) -> None:
        self.page = page
        self.banner, self.loudest = "", 0.0
        self.tones: list[str] = []
        page.on("console", lambda message: self._take(message.text))
        page.add_init_script(METER)

    def _take(self, text: str) -> None:
        kind, _, rest = text.partition(" ")
        if kind == "banner":
            self.banner = rest
        elif kind == "tone":
            self.tones.append(rest)
        elif kind == "loud":
            self.loudest = max(self.loudest, float(rest))


@pytest.fixture
def page() -> Iterator[playwright.Page]:
    """Chromium as people have it: silent until the page is touched, which a headless one is not by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with playwright.sync_playwright() as driver:
            policy = "--autoplay-policy=document-user-activation-required"
            chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, policy])
            yield chromium.new_page()
            chromium.close()


def test_an_alarm_is_heard_once_the_page_was_touched(page):
    heard, watcher = Heard(page), Watcher(DOMAIN, "control_stand_in")
    status = watcher.node.create_publisher(String, "rove/status", 1)

    def says(alarm: str | None) -> None:
        status.publish(String(data=json.dumps({"phase": "autonomous", "state": "autonomous", "alarm": alarm})))
        page.wait_for_timeout(20)

    def until(alarm: str | None, condition: Callable[[], bool], patience_s: float = 10.0) -> bool:
        return watcher.spin_until(lambda: says(alarm) or condition(), patience_s)

    try:
        with running_console(DOMAIN) as address:
            page.goto(address)
            # Browsers are silent until then; the banner is there all the same.
            assert until("too early to be heard", lambda: "too early" in heard.banner)
            until("too early to be heard", lambda: False, 0.3)
            assert until(None, lambda: heard.banner == "")
            page.mouse.click(5, 5)
            until(None, lambda: False, 0.5)
            assert heard.tones == [], "an alarm that is over is not made up for"
            assert until("no progress for a while", lambda: heard.loudest > 0.1), heard.tones
            until("no progress for a while", lambda: False, 0.6)
            assert heard.tones == ["880 running", "660 running"], "each alarm once"
            assert until("it takes longer", lambda: len(heard.tones) == 4), heard.tones
            assert heard.loudest < 0.5
    finally:
        watcher.close()
