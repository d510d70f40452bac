"""A person follows the guide through the real command line: terminal, page, memory, and the session that uses it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from rove_teleop.episodes.read import open_episode
from rove_teleop.tracking.readers.rove import pack_frames

from ..retargeting.guided_person import Person
from .environment import ENVIRONMENT
from .headset_browser import CHROMIUM, FLAGS, NEEDS_BROWSER, HeadsetPage, headset_browser, open_hand, playwright

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ROVE = Path(sys.executable).parent / "rove"
DOMAIN = 37
PATIENCE_MS = 45_000
TITLES = (
    "Show your hands", "Hands flat", "Thumb and index finger", "Thumb and middle finger", "Thumb and ring finger",
    "Thumb and little finger", "Arms",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calibration")


@pytest.fixture(scope="module")
def person(folder: Path) -> Path:
    """A recording of somebody with small hands who does as told."""
    path = folder / "person.npz"
    np.savez_compressed(path, **pack_frames(list(Person(scale=0.8, noise_m=0.0005).motion(hold_s=3.5))))
    return path


def start(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    own = {"ROS_DOMAIN_ID": str(DOMAIN), "ROVE_CONFIG_DIR": str(folder / "config")}
    own["XDG_CONFIG_HOME"] = str(folder)
    return subprocess.Popen(
        [str(ROVE), *map(str, arguments)],
        env={**os.environ, **ENVIRONMENT, **own, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *arguments: object, code: int = 0) -> tuple[str, str]:
    process = start(folder, *arguments)
    out, complaint = process.communicate(timeout=120)
    assert process.returncode == code, complaint
    assert "Traceback" not in complaint
    return out, complaint


@contextmanager
def page_of(url: str) -> Iterator[playwright.Page | None]:
    """The page in a real browser; None where there is no browser (in CI that is a failure)."""
    if CHROMIUM is None and "CI" not in os.environ:
        yield None
        return
    with warnings.catch_warnings():
        # playwright leaves its own event loop to the collector; that is not what is tested here.
        warnings.simplefilter("ignore", ResourceWarning)
        with playwright.sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(url)
            yield page
            chromium.close()


def read_page(page: playwright.Page) -> None:
    """What a person reads there. The replayed one waits for no browser, so it may have missed the first steps."""

    def shows(name: str, text: str | re.Pattern[str]) -> None:
        playwright.expect(page.get_by_test_id(f"calibration-{name}")).to_have_text(text, timeout=PATIENCE_MS)

    shows("title", "Arms")
    shows("step", "calibration · step 7 of 7")
    shows("text", re.compile("straight forward"))
    shows("left", re.compile(r"\d+ s"))
    shows("title", "Calibrated")
    row = page.get_by_test_id("calibration-right").locator("tr", has_text="index")
    playwright.expect(row).to_have_text(re.compile(r"index71\.\d0\.\d1\d\.\d\d\.\d \(\d\.\d\)\d\.\d \(\d\.\d\)"))


@pytest.fixture(scope="module")
def remembered(folder: Path, person: Path) -> dict[str, Any]:
    """The profile after a calibration that was guided in the terminal and on the page at the same time."""
    process = start(folder, "calibrate", "Ada", "--operator", f"replay:{person}", "--console-port", "0", "--json")
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
        with page_of(url) as page:
            if page is not None:
                read_page(page)
            out, said = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    lines = [line for line in said.splitlines() if re.match(r"\d/7 ", line)]
    assert [line[5:].partition(":")[0] for line in lines] == list(TITLES), said
    return json.loads(out)


def test_guided_on_terminal_and_page_into_millimetres(folder, remembered):
    for side in ("left", "right"):
        hand, residuals = remembered["hands"][side], remembered["residuals"][side]
        assert np.allclose(hand["finger_mm"], 0.8 * np.array([106.0, 89.0, 99.0, 93.0, 73.0]), atol=1.0)
        assert np.allclose(hand["touch_mm"], [12.0, 13.0, 15.0, 18.0], atol=1.5)
        assert residuals["index"]["pinch_mm"] < 1.0 < residuals["index"]["pinch_before_mm"]
        assert remembered["arms"][side]["length_mm"] == pytest.approx(580.0, abs=10.0)
    assert json.loads(run(folder, "calibrate", "ADA", "--show", "--json")[0]) == remembered


def test_a_session_uses_what_is_remembered_and_says_whose_hands_they_were(folder, person, remembered):
    dataset = folder / "data"
    _, said = run(
        folder, "collect", "--sim", "--policy", "none", "--operator", f"replay:{person}", "--operator-name", "ADA",
        "--episodes", "1", "--seed", "0", "--time-limit", "2", "--headless", "--cameras", "", "--json",
        "--dataset", dataset,
    )  # fmt: skip
    assert "hint" not in said
    (path,) = (dataset / "episodes").iterdir()
    attributes = open_episode(path).attributes
    assert (attributes["operator"], attributes["operator_device"]) == ("ada", f"replay:{person}")
    assert len(attributes["config_hashes"]["operator"]) == 16


def test_a_device_that_tells_nothing_is_no_calibration(folder, tmp_path):
    path = tmp_path / "glove.npz"
    np.savez_compressed(path, **pack_frames(list(Person(wrists=False).motion(("look", "look")))))
    _, said = run(folder, "calibrate", "eve", "--operator", f"replay:{path}", "--only", "arms", "--headless", code=1)
    assert "does not tell the places of the wrists" in said
    assert not (folder / "config" / "operators" / "eve.json").exists()


@pytest.mark.browser
@NEEDS_BROWSER
def test_who_wears_the_headset_is_guided_inside_and_told_why_again(folder):
    asked = ("--console-port", "0", "--headset-host", "127.0.0.1", "--headset-port", "0")
    process = start(folder, "calibrate", "vera", "--operator", "webxr", *asked)
    try:
        process.stdout.readline()
        url = re.search(r"https://\S+", process.stdout.readline())[0]
        with headset_browser(folder / "rove_teleop" / "headset.pem") as browser:
            headset = HeadsetPage(browser, url)
            headset.enter()
            seen = show_flat_hands_until(
                headset, "Once more: thumb and index finger of the left hand came no closer than"
            )
        # Hands that are in view already are not asked for.
        assert [title for title in seen if title in TITLES][-2:] == list(TITLES[1:3])
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.communicate()
    assert not (folder / "config" / "operators" / "vera.json").exists()


def show_flat_hands_until(headset: HeadsetPage, words: str) -> list[str]:
    """Titles in the order in which the headset's page showed them; hands tremble, as those of people do."""
    seen: list[str] = []
    for k in range(600):
        for side, x in (("left", -0.2), ("right", 0.2)):
            headset.place_hand(side, open_hand(side, (x + 1e-4 * (k % 7), 1.1, -0.4)))
        line = headset.page.get_by_test_id("guide").text_content()
        if line.partition(" · ")[0] not in seen:
            seen.append(line.partition(" · ")[0])
        if words in line:
            return seen
        headset.page.wait_for_timeout(50)
    raise AssertionError(f"'{words}' was never shown, only {seen}")
