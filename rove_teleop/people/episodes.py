"""A person without a robot as an episode: what was tracked, what the robot's joints would be, how it ended.

Nothing was measured of a robot and nothing was sent to one, so both are NaN in every row: no policy can be trained on
such an episode by accident. A critic may learn from it what success looks like and what leads away from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clock import wall_time_s
from ..episodes.attributes import HUMAN
from ..episodes.dataset import WriterLock
from ..episodes.layout import control_dtype, pack_operator_frame
from ..episodes.record.recording import EpisodeRecording
from ..episodes.record.virtual_clock import VirtualClock
from ..retargeting.offline import retarget_motion
from ..robots.description import RobotDescription
from ..tracking.motion import Motion
from ..types import Array, Authority, Phase


@dataclass(frozen=True, slots=True)
class HumanEpisode:
    """``motion`` at ``rate_hz``; per camera one JPEG file per frame, where there are any.

    ``features`` (u, k) of the task at ``feature_stamp_s`` (u,), named ``feature_names``, where they are known.
    """

    task: str
    instruction: str
    outcome: str
    motion: Motion
    rate_hz: float
    images: Mapping[str, Iterable[bytes]] = field(default_factory=dict)
    feature_names: tuple[str, ...] = ()
    feature_stamp_s: Array = field(default_factory=lambda: np.empty(0))
    features: Array = field(default_factory=lambda: np.empty((0, 0)))
    attributes: Mapping[str, Any] = field(default_factory=dict)


def record_person(
    root: Path,
    robot: RobotDescription,
    item: HumanEpisode,
    lock: WriterLock | None = None,
    virtual: VirtualClock | None = None,
) -> Path:
    """Record and seal one episode of ``embodiment: human``; nothing of it stays when it cannot be finished.

    Its control rows are the motion's frames: joints that our retargeting makes of the person in ``q_operator_rad``,
    authority human, phase recovery, as of a demonstration.

    Raises:
        DatasetInvalid: an outcome or attributes that do not fit, or another writer.
        RecordingFailed: the disk refused it.
    """
    recording = EpisodeRecording(root, _attributes(item, robot), lock, virtual=virtual)
    try:
        for row in _rows(item, robot):
            recording.control_row(row)
        for frame in item.motion.frames:
            recording.tracking(pack_operator_frame(frame), frame.stamp_s)
        for stamp_s, features in zip(item.feature_stamp_s.tolist(), item.features, strict=True):
            recording.task_state(stamp_s, features)
        for camera, images in item.images.items():
            for number, jpeg in enumerate(images):
                stamp_s = item.motion.frames[number].stamp_s
                recording.frame(camera, jpeg, stamp_s, stamp_s, number)
        if virtual is not None:
            virtual.now_s = item.motion.duration_s
        return recording.seal(item.outcome, last_tick=len(item.motion.frames) - 1)
    except BaseException:
        recording.remove()
        raise


def _rows(item: HumanEpisode, robot: RobotDescription) -> NDArray[np.void]:
    retargeted = retarget_motion(item.motion, robot)
    rows = np.zeros(len(item.motion.frames), control_dtype(robot.joint_count, len(robot.groups)))
    rows["tick"] = np.arange(len(rows))
    rows["stamp_s"] = retargeted["stamp_s"]
    rows["wall_time_s"] = wall_time_s() + rows["stamp_s"]
    for name in ("q_measured_rad", "dq_measured_rad_s", "q_sent_rad", "q_policy_rad", "q_target_rad"):
        rows[name] = np.nan
    rows["q_operator_rad"] = np.where(retargeted["valid"], retargeted["q_rad"], np.nan)
    rows["phase"], rows["authority"], rows["driver"] = Phase.RECOVERY, Authority.HUMAN, 2
    rows["weight"] = 1.0
    rows["policy_age_s"] = np.inf
    return rows


def _attributes(item: HumanEpisode, robot: RobotDescription) -> dict[str, Any]:
    # No limits: nothing was sent that could keep them.
    return {
        "embodiment": HUMAN,
        "task": item.task,
        "instruction": item.instruction,
        "operator": "a person",
        "robot": robot.name,
        "joint_names": list(robot.joint_names),
        "groups": {name: [robot.joint_names[k] for k in index] for name, index in robot.groups.items()},
        "control_hz": item.rate_hz,
        "config_hashes": {"robot": robot.config_hash},
        "cameras": list(item.images),
        "feature_names": list(item.feature_names),
        "first_tick": 0,
        "limits": None,
        **item.attributes,
    }
