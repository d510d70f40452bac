"""``rove filter``: a stream of targets through the live path, from smoothing to the last bound, one row per tick."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..command_filter.kernel import longest_stop
from ..command_filter.limits import Limits
from ..control.inputs import MOST_RAD, Deadlines, Ramp
from ..control.motion_path import NOBODY, OPERATOR, POLICY
from ..control.path_config import PathConfig
from ..errors import StreamInvalid
from ..robots.description import RobotDescription
from ..types import Array, JointTargets
from .replay import Recorded, live_path, replay, robot_limits
from .stream import LONGEST_S, Stream

_DRIVER = {"policy": POLICY, "operator": OPERATOR, "hold": NOBODY}


@dataclass(frozen=True, slots=True)
class Filtered:
    """One row per control tick: ``stamp_s`` (t,), ``q_rad`` (t, n) as sent, ``reason`` (t, n); refused rows by why."""

    stamp_s: Array
    q_rad: Array
    reason: NDArray[np.uint32]
    refused: Counter[str]


@dataclass(frozen=True, slots=True)
class Sampled:
    """A stream at the ticks of a control loop: ``stamp_s`` (t,), what the path is given, refused rows by why."""

    stamp_s: Array
    inputs: Recorded
    refused: Counter[str]


def filter_stream(
    stream: Stream, robot: RobotDescription, deadlines: Deadlines | None = None, config: PathConfig | None = None
) -> Filtered:
    """What the robot would have been sent by a path with this configuration.

    After the last row the robot comes to rest. The rest is as for ``sample_stream``.

    Raises:
        StreamInvalid: no row has a usable stamp, or the stream lasts longer than two hours.
    """
    sampled = sample_stream(stream, robot, deadlines, config)
    log = replay(sampled.inputs, live_path(robot, config), robot)
    return Filtered(sampled.stamp_s, log.q_sent_rad, log.reason, sampled.refused)


def sample_stream(
    stream: Stream, robot: RobotDescription, deadlines: Deadlines | None = None, config: PathConfig | None = None
) -> Sampled:
    """What a control loop would have had at each of its ticks.

    Rows count in the order in which they arrived; one whose stamp is not finite or goes back is refused, as live. The
    robot rests at the first finite target of each joint (inside its limits; at home where there is none). Each tick
    takes the newest row; ``source`` says who drives, and a change is a handover like any other. When the newest row is
    older than its deadline, or says ``hold``, the robot stops. There are ticks enough for a path with ``config`` to
    come to rest after the last row.

    Raises:
        StreamInvalid: no row has a usable stamp, or the stream lasts longer than two hours.
    """
    deadlines = deadlines or Deadlines()
    rows, refused = _in_order(stream.stamp_s)
    limits = (config or PathConfig()).limited(robot_limits(robot))
    stamp_s = _ticks(stream.name, stream.stamp_s[rows], limits, deadlines)
    wanted, targets = _sample(stream, rows, stamp_s, robot, deadlines)
    inputs = Recorded(
        wanted=np.repeat(wanted[:, None], robot.joint_count, axis=1),
        q_policy_rad=targets[POLICY],
        q_operator_rad=targets[OPERATOR],
        stop=np.zeros(len(stamp_s), dtype=np.bool_),
        begins=(0,),
        q_start_rad=_start(stream.q_rad[rows], robot)[None],
        q_sent_rad=np.full((len(stamp_s), robot.joint_count), np.nan),
        flaw="a stream does not say what was sent",
    )
    return Sampled(stamp_s, inputs, refused)


def limit_arrays(robot: RobotDescription, config: PathConfig | None = None) -> dict[str, NDArray[np.generic]]:
    """The limits that were applied, by the names of a filtered stream's file."""
    limits = (config or PathConfig()).limited(robot_limits(robot))
    return {
        "joint_names": np.array(robot.joint_names),
        "q_min_rad": limits.q_min_rad,
        "q_max_rad": limits.q_max_rad,
        "v_max_rad_s": limits.v_max_rad_s,
        "a_max_rad_s2": limits.a_max_rad_s2,
        "j_max_rad_s3": limits.j_max_rad_s3,
    }


def _in_order(stamp_s: Array) -> tuple[list[int], Counter[str]]:
    """Rows that a receiver would accept, and how many it refuses for what."""
    rows: list[int] = []
    refused: Counter[str] = Counter()
    newest_s = -np.inf
    for k, stamp in enumerate(stamp_s.tolist()):
        if not np.isfinite(stamp):
            refused["stamp_not_finite"] += 1
        elif not stamp >= newest_s:
            refused["out_of_order"] += 1
        else:
            newest_s = stamp
            rows.append(k)
    return rows, refused


def _ticks(name: str, stamp_s: Array, limits: Limits, deadlines: Deadlines) -> Array:
    """Stamps of the control ticks from the first row until the robot has certainly come to rest after the last one."""
    if len(stamp_s) == 0:
        raise StreamInvalid(f"{name}: no row has a usable stamp")
    if not stamp_s[-1] - stamp_s[0] <= LONGEST_S:
        raise StreamInvalid(f"{name}: lasts {stamp_s[-1] - stamp_s[0]:.3g} s; at most {LONGEST_S:.0f} s are filtered")
    stops = [longest_stop(v, a, j, limits.dt_s) for v, a, j in zip(*limits.dynamic, strict=True)]
    after_s = max(deadlines.operator_s, deadlines.chunk_gap_s) + limits.dt_s * (max(stops) + 2.0)
    count = int(np.ceil((stamp_s[-1] - stamp_s[0] + after_s) / limits.dt_s)) + 1
    ticks: Array = stamp_s[0] + limits.dt_s * np.arange(count)
    return ticks


def _sample(
    stream: Stream, rows: list[int], stamp_s: Array, robot: RobotDescription, deadlines: Deadlines
) -> tuple[NDArray[np.int64], Array]:
    """Per tick who drives (t,), and the targets (3, t, n) by driver, NaN where there are none."""
    oldest_s = {POLICY: deadlines.chunk_gap_s, OPERATOR: deadlines.operator_s, NOBODY: np.inf}
    ramps = {POLICY: Ramp(), OPERATOR: Ramp()}
    wanted = np.zeros(len(stamp_s), dtype=np.int64)
    targets = np.full((3, len(stamp_s), robot.joint_count), np.nan)
    seen_s = {POLICY: -np.inf, OPERATOR: -np.inf}
    following = 0
    newest, newest_s = NOBODY, -np.inf
    for tick, now_s in enumerate(stamp_s.tolist()):
        while following < len(rows) and stream.stamp_s[rows[following]] <= now_s:
            k = rows[following]
            newest, newest_s = _DRIVER[str(stream.source[k])], float(stream.stamp_s[k])
            if newest != NOBODY:
                q_rad = stream.q_rad[k]
                if not stream.stamp_s[k] - seen_s[newest] <= oldest_s[newest]:
                    ramps[newest] = Ramp()  # no line from where it was long ago
                seen_s[newest] = newest_s
                ramps[newest].put(JointTargets(newest_s, q_rad, np.isfinite(q_rad)))
            following += 1
        if newest == NOBODY or not now_s - newest_s <= oldest_s[newest]:
            continue
        wanted[tick] = newest
        targets[newest, tick] = ramps[newest].at(now_s)
    return wanted, targets


def _start(q_rad: Array, robot: RobotDescription) -> Array:
    """The first target of each joint, inside its limits; home where there is none."""
    known = np.abs(q_rad) <= MOST_RAD
    first = q_rad[np.argmax(known, axis=0), np.arange(robot.joint_count)]
    start: Array = np.clip(np.where(known.any(axis=0), first, robot.home_rad), robot.q_min_rad, robot.q_max_rad)
    return start
