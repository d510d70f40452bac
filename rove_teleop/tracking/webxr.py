"""Frames of the page in a headset's browser: fixed layout, numbered and stamped by the page, believed by nobody."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..types import SIDES, HandFrame, OperatorFrame, Side
from .device import DatagramDevice
from .xr_hand import WEBXR_JOINTS, grip_frame, hand_frame, world_pose

MAGIC = b"RVXR"
VERSION = 1
NOTHING, JOINTS, CONTROLLER = 0, 1, 2
"""What a side of the frame holds."""

_HAND = np.dtype([("squeeze", "<f4"), ("trigger", "<f4"), ("grip", "<f4", 7), ("joints", "<f4", (WEBXR_JOINTS, 7))])
FRAME_DTYPE = np.dtype(
    [
        ("magic", "S4"),
        ("version", "u1"),
        ("visible", "u1"),
        ("left_kind", "u1"),
        ("right_kind", "u1"),
        ("stream", "<u4"),
        ("sequence", "<u4"),
        ("space", "<u4"),
        ("reserved", "<u4"),
        ("capture_ms", "<f8"),
        ("head", "<f4", 7),
        ("left", _HAND),
        ("right", _HAND),
    ]
)
"""One frame (``console/static/headset_frame.js`` writes it). ``stream`` is drawn by the page when it starts; ``space``
counts the resets of its reference space; ``capture_ms`` is its own clock. A pose is position in metres and quaternion
x, y, z, w in the page's space, NaN where the headset does not know it or only guesses."""

PRESSED, RELEASED = 0.5, 0.35
"""A grip counts as pressed above the first and as released below the second."""
LATE_S = 0.05
CLOCK_DRIFT = 1e-4


class WebXrDecoder:
    """Frames of one page after the other. A new page (or the same one, reloaded) is a new space, numbered on.

    ``engaged``: the page is visible, and the grip of every controller that is there is pressed.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._stream: int | None = None
        self._page_sequence = self._page_space = 0
        self._sequence = self._space = 0
        self._pressed: dict[Side, bool] = {"left": False, "right": False}
        self._last_s, self._least_delay_s = 0.0, math.inf

    def feed(self, datagram: bytes, received_s: float) -> OperatorFrame | None:
        """The frame in ``datagram``, or None; whatever is wrong with it is counted, never raised."""
        row = np.frombuffer(datagram, FRAME_DTYPE)[0] if len(datagram) == FRAME_DTYPE.itemsize else None
        reason = "wrong_size" if row is None else _refusal(row)
        if row is None or reason:
            self.counts[reason] += 1
            return None
        if not self._follow(int(row["stream"]), int(row["sequence"]), int(row["space"])):
            self.counts["out_of_order"] += 1
            return None
        self.counts["frames"] += 1
        self._watch_delay(float(row["capture_ms"]) / 1000.0, received_s)
        return self._frame(row, received_s)

    def _follow(self, stream: int, sequence: int, space: int) -> bool:
        """Number the frame and its space on; False for one that is not newer than the last."""
        if stream == self._stream:
            if not sequence > self._page_sequence:
                return False
            self.counts["not_sent_or_lost"] += sequence - self._page_sequence - 1
            self._sequence += sequence - self._page_sequence
            self._space += space != self._page_space
        else:
            self.counts["streams"] += 1
            self._sequence += 1
            self._space += self._stream is not None
            self._least_delay_s = math.inf
            self._pressed = {"left": False, "right": False}
        self._stream, self._page_sequence, self._page_space = stream, sequence, space
        return True

    def _watch_delay(self, capture_s: float, received_s: float) -> None:
        """Count frames that took much longer than the fastest: all that two clocks without a common zero can tell."""
        delay_s = received_s - capture_s
        drift_s = CLOCK_DRIFT * max(received_s - self._last_s, 0.0)
        self._least_delay_s, self._last_s = min(delay_s, self._least_delay_s + drift_s), received_s
        self.counts["late"] += delay_s - self._least_delay_s > LATE_S

    def _frame(self, row: np.void, received_s: float) -> OperatorFrame:
        left, right = self._hand("left", row), self._hand("right", row)
        grips = [self._pressed[side] for side in SIDES if row[f"{side}_kind"] == CONTROLLER]
        engaged = bool(row["visible"]) and all(grips)
        head = world_pose(_known(row["head"]))
        return OperatorFrame(received_s, self._sequence, left, right, head, engaged, self._space)

    def _hand(self, side: Side, row: np.void) -> HandFrame:
        hand, kind = row[side], row[f"{side}_kind"]
        threshold = RELEASED if self._pressed[side] else PRESSED
        self._pressed[side] = bool(kind == CONTROLLER and hand["squeeze"] > threshold)
        if kind == JOINTS:
            return hand_frame(_known(hand["joints"]))
        return grip_frame(side, _known(hand["grip"]), float(hand["trigger"])) if kind == CONTROLLER else HandFrame()


def webxr_device(path: Path) -> DatagramDevice:
    """The headset's browser, whose frames the console hands on to the Unix socket ``path``."""
    return DatagramDevice(WebXrDecoder(), path, name="headset's browser")


def _refusal(row: np.void) -> str:
    if row["magic"] != MAGIC:
        return "not_a_frame"
    if row["version"] != VERSION:
        return "unknown_version"
    if not (row["visible"] <= 1 and row["left_kind"] <= CONTROLLER and row["right_kind"] <= CONTROLLER):
        return "unknown_flags"
    return "" if math.isfinite(row["capture_ms"]) else "capture_not_finite"


def _known(poses: NDArray[np.float32]) -> NDArray[np.float64]:
    """Poses (..., 7) with every number that is not finite turned into NaN."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        result = poses.astype(np.float64)
    result[~np.isfinite(result)] = np.nan
    return result
