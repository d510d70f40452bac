"""An episode from elsewhere goes the way of a recorded one: journal, seal, rename."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..clock import wall_time_s
from ..episodes.dataset import Dataset, WriterLock
from ..episodes.layout import control_dtype
from ..episodes.read import open_episode
from ..episodes.record.recording import EpisodeRecording
from ..episodes.record.seal import read_header
from ..errors import DatasetInvalid
from ..robots.description import RobotDescription
from ..types import Array, Authority, Phase

SOURCE = "import_source"
"""The attribute that says where an imported episode comes from."""


@dataclass(frozen=True, slots=True)
class ImportedEpisode:
    """Rows (t, n) in the robot's joint order, radians, and per camera t JPEG files.

    ``source`` names its origin so that it is imported once. ``q_policy_rad`` None: no policy's plan is known.
    ``phase`` and ``authority`` (t,): None: autonomous, driven by the policy. ``tick`` (t,) increases; a gap says that
    rows are missing there, so that nothing is trained across it. None: no gap.
    """

    source: Mapping[str, Any]
    device: str
    rate_hz: float
    instruction: str
    outcome: str
    q_measured_rad: Array
    q_target_rad: Array
    q_sent_rad: Array
    q_policy_rad: Array | None = None
    phase: NDArray[np.integer] | None = None
    authority: NDArray[np.integer] | None = None
    tick: NDArray[np.integer] | None = None
    images: Mapping[str, Iterable[bytes]] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ImportReport:
    """``known``: episodes that had been imported before. ``left_out``: what of the source has no place here."""

    episodes: int = 0
    known: int = 0
    frames: int = 0
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"episodes": self.episodes, "known": self.known, "frames": self.frames, "left_out": list(self.left_out)}


class Importer:
    """Writes imported episodes into a dataset, each of them once; a context manager that holds the writer lock.

    What a killed import had begun is removed: its source still has all of it.

    Raises:
        DatasetInvalid: ``root`` holds something else, or another writer has it.
    """

    def __init__(self, root: Path, robot: RobotDescription) -> None:
        self._root, self._robot = root, robot
        dataset = Dataset.create(root)
        self._lock = WriterLock(root)
        for recording in dataset.recordings():
            if _was_being_imported(recording):
                shutil.rmtree(recording)
        self._known = [source for source in map(_source_of, dataset.episodes()) if source is not None]
        self.report = ImportReport()

    def __enter__(self) -> Importer:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def knows(self, source: Mapping[str, Any]) -> bool:
        """Whether a whole episode of this source is in the dataset; counted in the report."""
        known = dict(source) in self._known
        self.report.known += known
        return known

    def write(self, item: ImportedEpisode) -> Path:
        """Record and seal one episode; what was begun of it goes away when it cannot be finished.

        Raises:
            DatasetInvalid: an image that is not a JPEG, or attributes that do not fit.
            RecordingFailed: the disk refused it.
        """
        recording = EpisodeRecording(self._root, _attributes(item, self._robot), self._lock)
        rows = _rows(item, self._robot, self.report.episodes)
        stamps_s = rows["stamp_s"].tolist()
        try:
            for row in rows:
                recording.control_row(row)
            for camera, images in item.images.items():
                for number, (stamp_s, jpeg) in enumerate(zip(stamps_s, images, strict=True)):
                    recording.frame(camera, jpeg, stamp_s, stamp_s, number)
            path = recording.seal(item.outcome, last_tick=int(rows["tick"][-1]))
        except BaseException:
            recording.close()
            shutil.rmtree(recording.path, ignore_errors=True)
            raise
        self.report.episodes += 1
        self.report.frames += len(item.q_measured_rad)
        return path


def _rows(item: ImportedEpisode, robot: RobotDescription, number: int) -> NDArray[np.void]:
    """Control rows; what nobody knows is NaN, infinite where it is an age, and 0 where it is a code."""
    rows = np.zeros(len(item.q_measured_rad), control_dtype(robot.joint_count, len(robot.groups)))
    rows["episode"] = number
    rows["tick"] = np.arange(len(rows)) if item.tick is None else item.tick
    rows["stamp_s"] = rows["tick"] / item.rate_hz
    rows["wall_time_s"] = wall_time_s() + rows["stamp_s"]
    rows["q_measured_rad"], rows["q_target_rad"], rows["q_sent_rad"] = (
        item.q_measured_rad,
        item.q_target_rad,
        item.q_sent_rad,
    )
    rows["dq_measured_rad_s"] = rows["q_operator_rad"] = np.nan
    rows["q_policy_rad"] = np.nan if item.q_policy_rad is None else item.q_policy_rad
    rows["phase"] = Phase.AUTONOMOUS if item.phase is None else item.phase
    rows["authority"] = Authority.POLICY if item.authority is None else item.authority
    human = rows["authority"] == Authority.HUMAN
    rows["q_operator_rad"][human] = rows["q_target_rad"][human]
    rows["weight"][human] = 1.0
    rows["driver"] = np.where(human, 2, rows["authority"] == Authority.POLICY)[:, None]
    rows["operator_age_s"] = rows["policy_age_s"] = np.inf
    return rows


def _attributes(item: ImportedEpisode, robot: RobotDescription) -> dict[str, Any]:
    # No limits: our command filter was not in the way of these commands, so there is nothing to hold them to.
    return {
        "task": item.instruction,
        "instruction": item.instruction,
        "operator": item.device,
        "operator_device": item.device,
        "robot": robot.name,
        "joint_names": list(robot.joint_names),
        "groups": {name: [robot.joint_names[k] for k in index] for name, index in robot.groups.items()},
        "control_hz": item.rate_hz,
        "config_hashes": {"robot": robot.config_hash},
        "cameras": list(item.images),
        "first_tick": 0,
        "limits": None,
        **item.attributes,
        SOURCE: dict(item.source),
    }


def _was_being_imported(recording: Path) -> bool:
    try:
        return SOURCE in read_header(recording)["attributes"]
    except DatasetInvalid:
        return False  # rove recover says what is wrong with it


def _source_of(path: Path) -> dict[str, Any] | None:
    """The source of a whole imported episode; a recovered one lacks its end and does not count."""
    attributes = open_episode(path).attributes
    source = attributes.get(SOURCE)
    return source if isinstance(source, dict) and attributes["status"] == "complete" else None
