"""A LeRobotDataset v3.0 into sealed episodes of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.attributes import OUTCOMES
from ..episodes.record.journal import crc32c
from ..errors import DatasetInvalid
from ..robots.description import RobotDescription
from ..types import Authority, Phase
from .frames import Progress, silent
from .imported_episode import ImportedEpisode, Importer, ImportReport
from .joint_map import JointMap, JointReader
from .lerobot_layout import BOOKKEEPING
from .lerobot_source import LeRobotSource, SourceEpisode

DEVICE = "import:lerobot"
_OURS = ("policy_action", "sent_action")
_READ = {*BOOKKEEPING, *_OURS, "phase", "authority", "intervention", "success", "outcome"}
_READ |= {"segment", "control_row", "next.success"}
_INTERVENTIONS = ("intervention", "complementary_info.is_intervention")
_TOLD = ("task", "operator", "policy_id")


def import_dataset(
    source: Path,
    root: Path,
    robot: RobotDescription,
    joint_map: JointMap | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Seal every episode of ``source`` in the dataset ``root``; the control rate becomes the rate of the source.

    Every episode appears whole or not at all; one that is there already is passed over, so that an interrupted import
    is simply repeated.

    Raises:
        DatasetInvalid: not a LeRobotDataset v3.0, damaged, or other joints than the robot's.
        RecordingFailed: the disk is nearly full.
    """
    there = LeRobotSource(source)
    joint_map = joint_map or JointMap()
    readers = {
        key: JointReader(robot, joint_map, there.names(key), f"{source}: column '{key}'")
        for key in (joint_map.state, joint_map.action, *(key for key in _OURS if key in there.features))
    }
    with Importer(root, robot) as importer:
        for done, episode in enumerate(there.episodes()):
            progress(done, len(there))
            item = _imported(there, episode, joint_map, readers)
            if not importer.knows(item.source):
                importer.write(item)
        progress(len(there), len(there))
        read = _READ | set(readers) | set(there.cameras.values()) | set(_INTERVENTIONS)
        importer.report.left_out = tuple(key for key in there.features if key not in read)
    return importer.report


def _imported(
    there: LeRobotSource, episode: SourceEpisode, joint_map: JointMap, readers: dict[str, JointReader]
) -> ImportedEpisode:
    what = f"{there.root}: episode {episode.number}"
    if not episode.length:
        raise DatasetInvalid(f"{what} is empty")
    columns = episode.columns
    joints = {key: reader.read(columns[key], f"{what}, {key}") for key, reader in readers.items()}
    action = joints[joint_map.action]
    phase, authority = _labels(columns)
    return ImportedEpisode(
        source=_source(there, episode, joint_map),
        device=DEVICE,
        rate_hz=there.fps,
        instruction=episode.instruction,
        outcome=_outcome(columns),
        q_measured_rad=joints[joint_map.state],
        q_target_rad=action,
        q_sent_rad=joints.get("sent_action", action),
        q_policy_rad=joints.get("policy_action"),
        phase=phase,
        authority=authority,
        tick=_ticks(columns),
        images={name: there.images(episode, key) for name, key in there.cameras.items()},
        attributes={key: episode.told[key] for key in _TOLD if episode.told.get(key)},
    )


def _source(there: LeRobotSource, episode: SourceEpisode, joint_map: JointMap) -> dict[str, Any]:
    """Names an episode by what is in it: datasets are moved, renamed and go on growing."""
    data = b"".join(np.ascontiguousarray(episode.columns[key]).tobytes() for key in (joint_map.state, joint_map.action))
    return {
        "format": "LeRobotDataset v3.0",
        "dataset": there.root.resolve().name,
        "episode": episode.number,
        "crc32c": crc32c(data),
    }


def _outcome(columns: dict[str, Any]) -> str:
    """As the columns say, in this order: our ``outcome``, ``success``, LeRobot's ``next.success``; else unknown."""
    if "outcome" in columns and columns["outcome"][0] in OUTCOMES:
        return str(columns["outcome"][0])
    for key in ("success", "next.success"):
        if key in columns:
            return "success" if bool(np.any(columns[key])) else "failure"
    return "unknown"


def _labels(columns: dict[str, Any]) -> tuple[NDArray[np.integer] | None, NDArray[np.integer] | None]:
    """Phase and authority (t,), from our columns or from an intervention flag; None where nobody said."""
    flag = next((np.asarray(columns[key]).astype(bool).reshape(-1) for key in _INTERVENTIONS if key in columns), None)
    phase, authority = (_codes(columns.get(name), kind) for name, kind in (("phase", Phase), ("authority", Authority)))
    if flag is not None and phase is None:
        phase = np.where(flag, Phase.RECOVERY, Phase.AUTONOMOUS)
    if flag is not None and authority is None:
        authority = np.where(flag, Authority.HUMAN, Authority.POLICY)
    return phase, authority


def _ticks(columns: dict[str, Any]) -> NDArray[np.integer] | None:
    """A tick is missing wherever our ``segment`` says that something was cut out."""
    segment = columns.get("segment")
    if segment is None or segment.dtype.kind not in "iu":
        return None
    tick: NDArray[np.int64] = np.arange(len(segment)) + np.concatenate([[0], np.cumsum(np.diff(segment) != 0)])
    return tick


def _codes(values: Any, known: type[Phase] | type[Authority]) -> NDArray[np.integer] | None:
    """A column of that name counts as ours only if it holds our numbers."""
    if values is None or getattr(values, "dtype", None) is None or values.dtype.kind not in "iu":
        return None
    codes: NDArray[np.integer] = values
    return codes if bool(np.isin(codes, [int(item) for item in known]).all()) else None
