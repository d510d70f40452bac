"""What the lab works on: recorded episodes and streams from files, each with its robot and the path that was live."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..command_filter.limits import Limits
from ..control.hand_chains import Hands, read_hands
from ..control.motion_path import MotionPath, PathLog
from ..control.path_config import PathConfig, live_path_config, path_config_from
from ..episodes.dataset import Dataset
from ..episodes.layout import CONTROL_FIELDS
from ..episodes.read import Episode, open_episode
from ..errors import DatasetInvalid, UsageError
from ..robots.description import RobotDescription
from .filter_stream import sample_stream
from .replay import Recorded, difference, read_rows, replay, robot_limits
from .stream import load_stream


@dataclass(frozen=True, slots=True)
class Case:
    """One episode or stream.

    ``digest`` is a SHA-256 of its contents; ``limits`` and ``groups`` are those it was recorded with, ``live`` is
    the path; ``hands`` are the robot's, where they had a cap or a box. ``rows`` are the ticks that count for scores
    (the others are run all the same); ``notes`` what a reader must know.
    """

    name: str
    digest: str
    robot: str
    joint_names: tuple[str, ...]
    groups: Mapping[str, NDArray[np.int64]]
    limits: Limits
    live: PathConfig
    inputs: Recorded
    rows: slice
    notes: tuple[str, ...] = ()
    hands: Hands | None = None

    @property
    def joint_count(self) -> int:
        return len(self.joint_names)

    @property
    def duration_s(self) -> float:
        return self.inputs.ticks * self.limits.dt_s

    def run(self, config: PathConfig, inputs: Recorded | None = None) -> PathLog:
        """The inputs (or others in their place) through a path, beginning where the robot began."""
        return replay(inputs or self.inputs, MotionPath(self.limits, self.groups, config, self.hands), self)

    def verdict(self, log: PathLog) -> str:
        """Whether ``log``, of the live path, is what was recorded."""
        if self.inputs.flaw is not None:
            return f"not compared: {self.inputs.flaw}"
        return difference(self.inputs, log) or "bit for bit"


def load_cases(sessions: Iterable[Path], robot: RobotDescription) -> list[Case]:
    """Every episode of a folder, an episode (``.zarr``), or a stream (``.npz``), in the order given, each once.

    Those that would have the same name are called by their path.

    Raises:
        RoveError: something of it cannot be read, or there is nothing; the message names the file.
    """
    files: list[Path] = []
    for path in sessions:
        files += [path] if path.suffix in (".npz", ".zarr") else Dataset.open(path).episodes()
    if not files:
        raise UsageError("the lab found no episode: name a dataset's folder, an episode (.zarr) or a stream (.npz)")
    cases = {
        path: stream_case(path, robot) if path.suffix == ".npz" else episode_case(open_episode(path), robot)
        for path in dict.fromkeys(files)
    }
    named = Counter(case.name for case in cases.values())
    return [case if named[case.name] == 1 else replace(case, name=str(path)) for path, case in cases.items()]


def stream_case(path: Path, robot: RobotDescription) -> Case:
    """A stream of targets as a control loop of ``robot`` would have sampled it."""
    sampled = sample_stream(load_stream(path, robot), robot)
    refused = tuple(f"{count} rows refused ({why})" for why, count in sorted(sampled.refused.items()))
    return Case(
        name=path.stem,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        robot=robot.name,
        joint_names=robot.joint_names,
        groups=robot.groups,
        limits=robot_limits(robot),
        live=live_path_config(robot.folder),
        inputs=sampled.inputs,
        rows=slice(0, sampled.inputs.ticks),
        notes=refused,
    )


def episode_case(episode: Episode, robot: RobotDescription) -> Case:
    """A sealed episode with the robot's limits that it was recorded with; ``robot`` tells where its hands are.

    Raises:
        DatasetInvalid: it has no rows, or does not say the limits.
    """
    a, place = episode.attributes, episode.path / "zarr.json"
    if a.get("limits") is None or not a.get("rows"):
        raise DatasetInvalid(f"{episode.path}: has no control rows, or does not say the limits they were made with")
    names = tuple(a["joint_names"])
    groups = {group: np.array([names.index(joint) for joint in joints]) for group, joints in a["groups"].items()}
    limits = Limits(**{key: np.array(a["limits"][key], np.float64) for key in _LIMITS}, dt_s=1.0 / a["control_hz"])
    unknown = () if "path" in a else ("recorded before episodes told their path: the default one is taken for live",)
    known = _Joints(names, groups)
    rows = {field.name: episode[f"control/{field.name}"] for field in CONTROL_FIELDS}
    inputs = read_rows(rows, known, episode.events())
    same = (a["robot"], names) == (robot.name, robot.joint_names)
    if inputs.hand_bounds and not same:
        flaw = f"its hands had a cap or a box, which takes the robot {a['robot']}, and this is {robot.name}"
        inputs = replace(inputs, flaw=inputs.flaw or flaw)
    return Case(
        name=episode.id,
        digest=hashlib.sha256(json.dumps(a, sort_keys=True).encode()).hexdigest(),
        robot=a["robot"],
        joint_names=names,
        groups=groups,
        limits=limits,
        live=path_config_from(a["path"], place) if "path" in a else PathConfig(),
        inputs=inputs,
        rows=slice(0, inputs.ticks),
        notes=unknown,
        hands=read_hands(robot) if inputs.hand_bounds and same else None,
    )


def hold_out(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Cases to search with, and cases to judge by: every third episode, or the second half of the only one."""
    if len(cases) > 1:
        kept = [case for k, case in enumerate(cases) if k % 3 == 1]
        return [case for k, case in enumerate(cases) if k % 3 != 1], kept
    case, middle = cases[0], cases[0].inputs.ticks // 2
    return [first_ticks(case, middle)], [replace(case, rows=slice(middle, case.inputs.ticks))]


def first_ticks(case: Case, ticks: int) -> Case:
    """The case as if it had ended after ``ticks``."""
    i = case.inputs
    begins = tuple(begin for begin in i.begins if begin < ticks)
    inputs = replace(
        i,
        wanted=i.wanted[:ticks],
        q_policy_rad=i.q_policy_rad[:ticks],
        q_operator_rad=i.q_operator_rad[:ticks],
        stop=i.stop[:ticks],
        begins=begins,
        q_start_rad=i.q_start_rad[: len(begins)],
        q_sent_rad=i.q_sent_rad[:ticks],
        speeds=tuple((tick, share) for tick, share in i.speeds if tick < ticks),
        hand_bounds=tuple((tick, bounds) for tick, bounds in i.hand_bounds if tick < ticks),
    )
    return replace(case, inputs=inputs, rows=slice(0, ticks))


@dataclass(frozen=True, slots=True)
class _Joints:
    joint_names: tuple[str, ...]
    groups: Mapping[str, NDArray[np.int64]]

    @property
    def joint_count(self) -> int:
        return len(self.joint_names)


_LIMITS = ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")
