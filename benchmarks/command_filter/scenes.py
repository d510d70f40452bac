"""Motions whose truth is known: recorded people, waves in 72 Hz samples, a policy's 20 Hz plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rove_teleop.control.inputs import Ramp
from rove_teleop.policy.chunk import ChunkSchedule
from rove_teleop.retargeting.offline import retarget_motion
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.types import ActionChunk, JointTargets

from .filters import DT, ROBOT, N

MOTION = Path(__file__).resolve().parents[3] / "shared" / "data" / "motion"
LONGEST_S = 25.0


@dataclass(frozen=True)
class Scene:
    """``truth`` (t, n): where the source was at each tick; ``held`` (t, n): the newest sample.

    ``live`` (t, n): what the control loop makes of the same samples: a line between a device's, a plan's own points.
    """

    name: str
    truth: np.ndarray
    held: np.ndarray
    live: np.ndarray


def recorded(file: str, slower: int = 1) -> list[Scene]:
    """A recorded person on the robot, as it was and ``slower`` times slower: people exceed what this robot can do.

    Both have the rate of the recording: of the slow one, as many samples are put on the line between two.
    """
    result = retarget_motion(load_motion(MOTION / file), ROBOT)
    stamp_s, q_rad = result["stamp_s"].astype(float), result["q_rad"].astype(float)
    kept = stamp_s - stamp_s[0] <= LONGEST_S
    stamp_s, q_rad, name = stamp_s[kept] - stamp_s[0], q_rad[kept], file.split(".")[0]
    fine_s = np.interp(np.arange(0, len(stamp_s) - 1, 1 / slower), np.arange(len(stamp_s)), stamp_s)
    line = np.stack([np.interp(fine_s, stamp_s, column) for column in q_rad.T], axis=1)
    short = fine_s <= LONGEST_S / slower
    return [_sampled(name, stamp_s, q_rad), _sampled(f"{name}, {slower} x slower", fine_s[short] * slower, line[short])]


def waves_72_hz() -> Scene:
    """Waves of 0.2 to 1.5 Hz in every joint, sampled 72 times a second with half a milliradian of noise."""
    rng = np.random.default_rng(1)
    stamp_s = np.arange(0.0, 16.0, 1.0 / 72.0)
    truth = _waves(rng)
    noise = rng.normal(0.0, 5e-4, (len(stamp_s), N))
    return _sampled("72 Hz held", stamp_s, truth(stamp_s) + noise, truth)


def policy_20_hz() -> Scene:
    """Plans of 16 points 50 ms apart, a new one every 0.4 s that disagrees with the old one by some milliradians."""
    rng = np.random.default_rng(2)
    truth, schedule = _waves(rng), ChunkSchedule(N)
    ticks_s = DT * np.arange(round(16.0 / DT))
    live, held = np.empty((len(ticks_s), N)), np.empty((len(ticks_s), N))
    offset_s = 0.05 * np.arange(16)
    for k, now_s in enumerate(ticks_s.tolist()):
        if k % 100 == 0:
            plan = truth(now_s + offset_s) + rng.normal(0.0, 4e-3, N)
            schedule.offer(ActionChunk(now_s, offset_s, np.arange(N), plan))
            began_s = now_s
        live[k] = schedule.at(now_s)[1]
        held[k] = plan[int((now_s - began_s) / 0.05 + 1e-9)]
    return Scene("20 Hz policy chunks", truth(ticks_s), held, live)


def _waves(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Two waves per joint that together take at most 60 % of every limit."""
    half, middle = (ROBOT.q_max_rad - ROBOT.q_min_rad) / 2.0, (ROBOT.q_max_rad + ROBOT.q_min_rad) / 2.0
    rate, angle = 2 * np.pi * rng.uniform(0.2, 1.5, (2, N)), rng.uniform(0.0, 2 * np.pi, (2, N))
    limits = (half, ROBOT.v_max_rad_s, ROBOT.a_max_rad_s2, ROBOT.j_max_rad_s3)
    amplitude = np.min([0.6 * limit / np.sum(rate**k, axis=0) for k, limit in enumerate(limits)], axis=0)

    def at(stamp_s: np.ndarray) -> np.ndarray:
        t = np.asarray(stamp_s)[:, None]
        return middle + amplitude * (np.sin(rate[0] * t + angle[0]) + np.sin(rate[1] * t + angle[1]))

    return at


def _sampled(
    name: str, stamp_s: np.ndarray, q_rad: np.ndarray, truth: Callable[[np.ndarray], np.ndarray] | None = None
) -> Scene:
    """Samples as a control loop meets them; without a known truth it is the line between them."""
    ticks_s = np.arange(stamp_s[1], stamp_s[-1], DT)
    newest = np.searchsorted(stamp_s, ticks_s, side="right") - 1
    ramp, live, taken = Ramp(), np.empty((len(ticks_s), N)), -1
    for k, now_s in enumerate(ticks_s.tolist()):
        while taken < newest[k]:
            taken += 1
            ramp.put(JointTargets(float(stamp_s[taken]), q_rad[taken], np.ones(N, dtype=np.bool_)))
        live[k] = ramp.at(now_s)
    if truth is None:
        line = np.stack([np.interp(ticks_s, stamp_s, q_rad[:, i]) for i in range(N)], axis=1)
    else:
        line = truth(ticks_s)
    return Scene(name, line, q_rad[newest], live)
