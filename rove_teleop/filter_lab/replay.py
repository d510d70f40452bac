"""A recorded episode through the path again: the configuration that was live gives the commands that were sent."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..command_filter.limits import Limits
from ..control.hand_chains import no_bounds, read_hands
from ..control.hand_limits import HandLimits
from ..control.motion_path import MotionPath, PathLog
from ..control.path_config import PathConfig
from ..handover.states import State
from ..robots.description import RobotDescription
from ..types import Array, Event, Reason

Rows = Mapping[str, NDArray[Any]]
"""Arrays of an episode's control group by name."""


class Joints(Protocol):
    """What a replay must know of a robot: its description does, and so does what an episode says of its own."""

    @property
    def joint_names(self) -> tuple[str, ...]: ...
    @property
    def joint_count(self) -> int: ...
    @property
    def groups(self) -> Mapping[str, NDArray[np.int64]]: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the path was given, tick by tick: everything it needs, and where it began anew.

    ``wanted`` (t, n) who should drive; ``q_policy_rad``, ``q_operator_rad`` (t, n); ``stop`` (t,) all joints stopped
    whoever drove; ``begins`` the ticks at which commands began at the measured pose ``q_start_rad`` (b, n);
    ``q_sent_rad`` (t, n) what was sent, NaN where nothing was. ``flaw`` says why a replay cannot give the same.
    ``speeds``: from which tick on which share of the velocity limits was kept; ``hand_bounds``: from which tick on
    which bounds (7,) of the hands, as ``Hands.bounds``.
    """

    wanted: NDArray[np.int64]
    q_policy_rad: Array
    q_operator_rad: Array
    stop: NDArray[np.bool_]
    begins: tuple[int, ...]
    q_start_rad: Array
    q_sent_rad: Array
    flaw: str | None
    speeds: tuple[tuple[int, float], ...] = ()
    hand_bounds: tuple[tuple[int, Array], ...] = ()

    @property
    def ticks(self) -> int:
        return len(self.stop)


def read_rows(rows: Rows, robot: Joints, events: Iterable[Event] = ()) -> Recorded:
    """The inputs of the path from an episode's control rows, and from its events the limits that were set."""
    state, reason = np.asarray(rows["state"]), np.asarray(rows["reason"])
    driver = np.asarray(rows["driver"])
    wanted = np.zeros((len(state), robot.joint_count), dtype=np.int64)
    for k, index in enumerate(robot.groups.values()):
        wanted[:, index] = driver[:, k, None]
    # After a fault is acknowledged commands begin again where the robot stands.
    again = np.flatnonzero((state[:-1] == State.FAULT) & (state[1:] != State.FAULT)) + 1
    begins = (0, *again.tolist())
    limits = _limits_set(np.asarray(rows["stamp_s"]), events)
    return Recorded(
        wanted=wanted,
        q_policy_rad=np.array(rows["q_policy_rad"]),
        q_operator_rad=np.array(rows["q_operator_rad"]),
        stop=np.all(reason & int(Reason.HOLDING), axis=1),
        begins=begins,
        q_start_rad=np.array(rows["q_measured_rad"])[list(begins)],
        q_sent_rad=np.array(rows["q_sent_rad"]),
        flaw=_flaw(rows, reason),
        speeds=tuple((tick, float(said["speed_scale"])) for tick, said in limits if "speed_scale" in said),
        hand_bounds=tuple(
            (tick, HandLimits.check(said["hand_speed_m_s"], said["hand_box_m"]))
            for tick, said in limits
            if "hand_speed_m_s" in said
        ),
    )


def _limits_set(stamp_s: Array, events: Iterable[Event]) -> list[tuple[int, dict[str, Any]]]:
    """What was set from which tick on: an event counts for every tick with a later stamp."""
    return [
        (int(np.searchsorted(stamp_s, event.time_s, "right")), json.loads(event.detail))
        for event in events
        if event.kind == "limits"
    ]


def _flaw(rows: Rows, reason: NDArray[np.uint32]) -> str | None:
    gaps = np.flatnonzero(np.diff(np.asarray(rows["tick"]).astype(np.int64)) != 1)
    if len(gaps):
        return f"{len(gaps)} gaps in the rows, the first after row {gaps[0]}"
    if np.any(reason & int(Reason.CHECK_FAILED)):
        return "a command was withheld by the checker"
    return None


def replay(recorded: Recorded, path: MotionPath, robot: Joints) -> PathLog:
    """The recorded inputs through a path, from every place where commands began.

    Hands keep what they kept only in a path that knows the robot's hands.
    """
    logs = []
    full = path.filter.limits
    starts = dict(zip(recorded.begins, recorded.q_start_rad, strict=True))
    speeds, hand_bounds = dict(recorded.speeds), dict(recorded.hand_bounds)
    path.hands.bounds[:] = no_bounds()
    edges = sorted({*starts, *(tick for tick in (*speeds, *hand_bounds) if tick < recorded.ticks), recorded.ticks})
    for begin, end in itertools.pairwise(edges):
        if begin in starts:
            path.filter.start(starts[begin], robot.joint_names)
            path.begin(path.filter.motion[0])
        if begin in speeds:
            _set_speed(path, full, speeds[begin])
        if begin in hand_bounds:
            path.hands.bounds[:] = hand_bounds[begin]
        rows = slice(begin, end)
        logs.append(
            path.run(
                recorded.wanted[rows], recorded.q_policy_rad[rows], recorded.q_operator_rad[rows], recorded.stop[rows]
            )
        )
    if len(logs) == 1:
        return logs[0]
    return PathLog(*(np.concatenate([getattr(log, name) for log in logs]) for name in PathLog.__slots__))


def _set_speed(path: MotionPath, full: Limits, share: float) -> None:
    """As live: lowered at any time, raised only at rest."""
    limits = replace(full, v_max_rad_s=share * full.v_max_rad_s)
    if path.filter.tighten(limits) is not None:
        path.filter.relimit(limits)


def robot_limits(robot: RobotDescription) -> Limits:
    """A robot's limits as the filter wants them."""
    dynamic = (robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3)
    return Limits(robot.q_min_rad, robot.q_max_rad, *dynamic, robot.dt_s)


def live_path(robot: RobotDescription, config: PathConfig | None = None) -> MotionPath:
    """The path as the control loop builds it."""
    return MotionPath(robot_limits(robot), robot.groups, config, read_hands(robot))


def difference(recorded: Recorded, log: PathLog) -> str | None:
    """None when the replay gave the recorded commands bit for bit, else a sentence about the first difference."""
    sent = ~np.isnan(recorded.q_sent_rad).all(axis=1)
    wrong = sent & np.any(recorded.q_sent_rad != log.q_sent_rad, axis=1)
    if not np.any(wrong):
        return None
    k = int(np.flatnonzero(wrong)[0])
    apart = float(np.nanmax(np.abs(recorded.q_sent_rad[k] - log.q_sent_rad[k])))
    return f"{np.count_nonzero(wrong)} of {recorded.ticks} rows differ, the first is row {k} by {apart:.3g} rad"
