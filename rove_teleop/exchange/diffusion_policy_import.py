"""A replay buffer of diffusion_policy into sealed episodes of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.record.journal import crc32c
from ..errors import UsageError
from ..robots.description import RobotDescription
from .diffusion_policy_source import BufferSource
from .frames import Progress, silent
from .imported_episode import ImportedEpisode, Importer, ImportReport
from .joint_map import JointMap, JointReader

DEVICE = "import:diffusion-policy"
_OURS = ("policy_action", "sent_action")
_CODES = ("phase", "authority")


def import_buffer(
    source: Path,
    root: Path,
    robot: RobotDescription,
    joint_map: JointMap | None = None,
    fps: float | None = None,
    instruction: str = "",
    progress: Progress = silent,
) -> ImportReport:
    """Seal every episode of the buffer ``source`` in the dataset ``root``, at ``fps`` control rows per second.

    Every episode appears whole or not at all; one that is there already is passed over.

    Raises:
        UsageError: neither ``fps`` nor the buffer says a rate, or nobody says which number is which joint.
        DatasetInvalid: not a replay buffer, damaged, or other joints than the robot's.
        RecordingFailed: the disk is nearly full.
    """
    there = BufferSource(source)
    joint_map = joint_map or JointMap(state="state")
    rate_hz = _rate(there, fps)
    columns = [joint_map.state, joint_map.action, *(key for key in _OURS if there.is_ours and key in there.columns)]
    readers = {key: _reader(there, robot, joint_map, key) for key in columns}
    with Importer(root, robot) as importer:
        for number in range(len(there)):
            progress(number, len(there))
            item = _imported(there, number, joint_map, readers, rate_hz, instruction)
            if not importer.knows(item.source):
                importer.write(item)
        progress(len(there), len(there))
        read = {*readers, *there.cameras, *(_CODES if there.is_ours else ())}
        importer.report.left_out = tuple(name for name in there.columns if name not in read)
    return importer.report


def _imported(
    there: BufferSource,
    number: int,
    joint_map: JointMap,
    readers: dict[str, JointReader],
    rate_hz: float,
    instruction: str,
) -> ImportedEpisode:
    values = {key: there.read(key, number) for key in readers}
    what = f"{there.path}: episode {number}"
    joints = {key: reader.read(values[key], f"{what}, data/{key}") for key, reader in readers.items()}
    action = joints[joint_map.action]
    phase, authority = (_codes(there, key, number) for key in _CODES)
    data = b"".join(np.ascontiguousarray(values[key]).tobytes() for key in (joint_map.state, joint_map.action))
    return ImportedEpisode(
        source={
            "format": "diffusion_policy replay buffer",
            "dataset": there.path.resolve().name,
            "episode": number,
            "crc32c": crc32c(data),
        },
        device=DEVICE,
        rate_hz=rate_hz,
        instruction=instruction,
        outcome=there.outcome(number),
        q_measured_rad=joints[joint_map.state],
        q_target_rad=action,
        q_sent_rad=joints.get("sent_action", action),
        q_policy_rad=joints.get("policy_action"),
        phase=phase,
        authority=authority,
        images={camera: there.images(camera, number) for camera in there.cameras},
    )


def _reader(there: BufferSource, robot: RobotDescription, joint_map: JointMap, key: str) -> JointReader:
    width = there.width(key)
    names = joint_map.names or there.names(key)
    if names is None:
        raise UsageError(
            f"{there.path}: data/{key} does not say which of its {width} numbers is which joint; see --map"
        )
    if len(names) != width:
        raise UsageError(f"{there.path}: data/{key} has {width} numbers per frame, but {len(names)} names are given")
    return JointReader(robot, joint_map, names, f"{there.path}: data/{key}")


def _rate(there: BufferSource, fps: float | None) -> float:
    said = there.meta_attributes.get("fps")
    if fps is not None:
        return fps
    if not isinstance(said, int | float) or not said > 0:
        raise UsageError(f"{there.path}: does not say how many frames per second it has; give --fps")
    return float(said)


def _codes(there: BufferSource, key: str, number: int) -> NDArray[Any] | None:
    return there.read(key, number) if there.is_ours and key in there.columns else None
