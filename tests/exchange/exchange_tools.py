"""Datasets to export: three joints at 250 Hz, two cameras at 30 Hz whose every image shows its number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import simplejpeg

from rove_teleop.episodes.record.recording import EpisodeRecording
from rove_teleop.robots import RobotDescription, load_robot
from tests.episodes.recording_tools import ATTRIBUTES, control_row

SIZE = (48, 64)


def picture(number: int, camera: int = 0) -> np.ndarray:
    """An image (48, 64, 3) with the number's sixteen bits as bright and dark squares: compression cannot hide them."""
    bits = (np.array([number + 1000 * camera]) >> np.arange(16)) & 1
    squares = np.where(bits.reshape(4, 4), 210, 40).astype(np.uint8)
    image = np.kron(squares, np.ones((12, 16), np.uint8))
    return np.stack([image, image, 255 - image], axis=2)


def number_of(image: np.ndarray, camera: int = 0) -> int:
    """The number in a ``picture``, also after compression; (h, w, 3), 0 to 255."""
    bright = image[6::12, 8::16, 0] > 125
    return int(np.sum(bright.reshape(-1) << np.arange(16))) - 1000 * camera


def jpeg(number: int, camera: int = 0) -> bytes:
    return simplejpeg.encode_jpeg(picture(number, camera), quality=90)


def record(
    root: Path,
    ticks: int = 200,
    outcome: str = "success",
    cameras: tuple[str, ...] = ("ego", "left_wrist"),
    lost: range = range(0),
    rows: Any = None,
    **attributes: Any,
) -> Path:
    """A sealed episode. ``rows(tick)`` gives values of control rows; ``lost`` ticks are never recorded."""
    given = {**ATTRIBUTES, "cameras": list(cameras), "limits": None, "robot": "small", **attributes}
    recording = EpisodeRecording(root, given, min_free_bytes=0)
    images = 0
    for tick in range(ticks):
        if tick not in lost:
            recording.control_row(control_row(tick, **({"phase": 0} | (rows(tick) if rows else {}))))
        # At 30 Hz, the first one just before the first row.
        while images <= tick / 250.0 * 30.0:
            for number, camera in enumerate(cameras):
                stamp_s = images / 30.0
                recording.frame(camera, jpeg(images, number), 1.7e9 + stamp_s, 99.999 + stamp_s, images)
            images += 1
    return recording.seal(outcome, last_tick=ticks - 1)


def small_robot() -> RobotDescription:
    """The robot of these recordings, in the form that an import asks for; its model is another one's."""
    bound = {name: np.full(3, value) for name, value in (("q_min_rad", -2.0), ("q_max_rad", 2.0), ("home_rad", 0.25))}
    groups = {"waist": np.array([0]), "arms": np.array([1, 2])}
    return replace(
        load_robot("allegro_right"),
        name="small",
        joint_names=tuple(ATTRIBUTES["joint_names"]),
        groups=MappingProxyType(groups),
        **bound,
    )
