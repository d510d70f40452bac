"""A real Chromium with an emulated headset in it, and hands for it to see."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

pytest.importorskip("playwright", reason="needs playwright, from the dev extra")

from playwright import sync_api as playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IWER = Path(__file__).parents[2] / ".cache" / "iwer" / "iwer.min.js"
EMULATION = Path(__file__).parent / "emulated_headset.js"
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--enable-unsafe-swiftshader",
]  # fmt: skip
# `make test` installs both: in CI their absence is a failure, not a skip.
NEEDS_BROWSER = pytest.mark.skipif(
    (CHROMIUM is None or not IWER.is_file()) and "CI" not in os.environ,
    reason="needs Chromium and the emulated headset (make system-test, with a network)",
)


@contextmanager
def headset_browser(certificate: Path) -> Iterator[playwright.Browser]:
    """A browser that trusts this one certificate beyond its own."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    trust = f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"
    with warnings.catch_warnings():
        # playwright leaves its own event loop to the collector; that is not what is tested here.
        warnings.simplefilter("ignore", ResourceWarning)
        with playwright.sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, trust])
            yield chromium
            chromium.close()


class HeadsetPage:
    """The page as its operator uses it. Small, because every frame is drawn by the processor."""

    def __init__(self, browser: playwright.Browser, url: str) -> None:
        self.page = browser.new_page(viewport={"width": 320, "height": 240})
        self.complaints: list[str] = []
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        self.page.add_init_script(path=IWER)
        self.page.add_init_script(path=EMULATION)
        self.page.goto(url)

    def shows(self, name: str, text: object) -> None:
        playwright.expect(self.page.get_by_test_id(name)).to_have_text(text, timeout=15_000)

    def enter(self) -> None:
        self.shows("link", "connected")
        self.page.get_by_role("button", name="Enter VR").click()
        self.shows("message", "Inside. Your hands are on their way to the robot.")

    def emulate(self, code: str, argument: object = None) -> None:
        """Do something with the emulated headset (``headset.…``)."""
        self.page.evaluate(f"(argument) => {{ headset.{code}; }}", argument)

    def place_hand(self, side: str, T_space_joint: np.ndarray) -> None:
        """Joints (25, 4, 4) in the headset's own axes."""
        columns = [matrix.T.ravel().tolist() for matrix in T_space_joint]
        self.emulate("placeHand(argument[0], argument[1])", [side, columns])


def open_hand(side: str, at_m: tuple[float, float, float]) -> np.ndarray:
    """Joints (25, 4, 4) of a flat hand in the headset's axes: palm down, fingers forward (-z), wrist at ``at_m``."""
    outwards = 1.0 if side == "right" else -1.0
    result = np.tile(np.eye(4), (25, 1, 1))
    lengths_m = [0.0, 0.03, 0.06, 0.08, 0.1] + [0.03, 0.09, 0.13, 0.15, 0.17] * 4
    fingers = [0, 0, 0, 0, 0] + [finger for finger in range(4) for _ in range(5)]
    for joint, (length_m, finger) in enumerate(zip(lengths_m, fingers, strict=True)):
        across_m = -0.04 * (joint in (1, 2, 3, 4)) + 0.02 * (finger - 1) * (joint > 4)
        result[joint, :3, 3] = np.add(at_m, (outwards * across_m, 0.0, -length_m))
    return result
