"""What a cap on the hands' speed and a box around them do to recorded people, and what a tick then costs.

    OMP_NUM_THREADS=1 .cache/peers/bin/python -m benchmarks.command_filter.hands [--ticks N] [--json FILE]

Every recording drives the robot through the live path, free, with caps, and in a box that holds the middle four fifths
of where the hands then went. Speeds are those of the wrists by the model's own kinematics, on what was sent. "watch" is
how many ticks the loop's watch would have answered with a stop (HOLD).
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from benchmarks.retargeting.paced import as_json, machine, measure, table
from rove_teleop.control.hand_limits import HandLimits
from rove_teleop.control.motion_path import OPERATOR
from rove_teleop.filter_lab.replay import live_path

from .filters import DT, LIMITS, ROBOT
from .scenes import Scene, recorded

FILES = (
    "webvr_head_controllers.json",
    "cmu_01_01.bvh.gz",
    "qualisys_arm_glove_pillow.tsv",
    "leap_bimanual_dropouts.json.gz",
)
CAPS_M_S = (1.0, 0.5, 0.25, 0.1)


def sent(targets: np.ndarray, speed_m_s: float, box_m: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Commands (t, n) and reason bits, from the first target on."""
    path = live_path(ROBOT)
    path.hands.bounds[:] = HandLimits.check(speed_m_s, box_m)
    start = np.clip(targets[0], ROBOT.q_min_rad, ROBOT.q_max_rad)
    path.filter.start(start)
    path.begin(start)
    wanted, nothing = np.full(targets.shape, OPERATOR), np.full(targets.shape, np.nan)
    log = path.run(wanted, nothing, targets, np.zeros(len(targets), dtype=np.bool_))
    return log.q_sent_rad, log.reason


def figures(scene: Scene, speed_m_s: float, box_m: tuple[float, ...]) -> dict[str, float]:
    """What the hands did, and what it took."""
    q_rad, reason = sent(scene.live, speed_m_s, box_m)
    watch = HandLimits(ROBOT, LIMITS.longest_stop_ticks)
    watch.set(speed_m_s, box_m)
    watch._grace = 0
    places = np.array([watch.places_m(q) for q in q_rad])
    stops = sum(watch.broken(before, now) is not None for before, now in itertools.pairwise(q_rad))
    speed = np.linalg.norm(np.diff(places, axis=0), axis=2) / DT
    arms = slice(0, 20)
    jerk = np.diff(q_rad[:, arms], n=3, axis=0) / DT**3 / ROBOT.j_max_rad_s3[arms]
    return {
        "peak_m_s": float(speed.max()),
        "mean_m_s": float(speed.mean()),
        "above_cap": float(np.mean(speed > speed_m_s)) if speed_m_s else 0.0,
        "outside_mm": 1e3 * float(watch._outside_m(places.reshape(-1, 3)).max()),
        "slowed": float(np.mean(np.any(reason & 512, axis=1))),
        "jerk_rms": float(np.sqrt(np.mean(jerk**2))),
        "watch": stops,
    }


def middle_box(scene: Scene) -> tuple[float, ...]:
    """Where the hands went, without the outer tenth at every side; where they begin is inside."""
    q_rad, _ = sent(scene.live, 0.0, ())
    watch = HandLimits(ROBOT, 0)
    places = np.array([watch.places_m(q) for q in q_rad])
    low, high = places.min(axis=(0, 1)), places.max(axis=(0, 1))
    low, high = low + 0.1 * (high - low), high - 0.1 * (high - low)
    start = places[0]
    return (*np.minimum(low, start.min(axis=0) - 0.02).tolist(), *np.maximum(high, start.max(axis=0) + 0.02).tolist())


def timed(scene: Scene, ticks: int) -> dict:
    """A tick of the live path: free, and with both a cap and a box."""
    steps, targets = {}, scene.live[:ticks]
    wanted, nothing = np.full(targets.shape[1], OPERATOR), np.full(targets.shape[1], np.nan)
    for name, bounds in (("free", (0.0, ())), ("cap and box", (0.25, middle_box(scene)))):
        path = live_path(ROBOT)
        path.hands.bounds[:] = HandLimits.check(*bounds)

        def step(k: int, path=path) -> None:
            if k == 0:
                path.filter.start(np.clip(targets[0], ROBOT.q_min_rad, ROBOT.q_max_rad))
                path.begin(path.filter.motion[0])
            path.step(wanted, nothing, targets[k])

        steps[name] = step
    return measure(steps, len(targets), ("warm", "paced"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result: dict = {"machine": machine(), "scenes": {}}
    for file in FILES:
        for scene in recorded(file, slower=3):
            box = middle_box(scene)
            bounds = {"free": (0.0, ()), **{f"{cap:g} m/s": (cap, ()) for cap in CAPS_M_S}}
            bounds |= {"box": (0.0, box), "0.25 m/s, box": (0.25, box)}
            for name, bound in bounds.items():
                row = figures(scene, *bound)
                result["scenes"][f"{scene.name}: {name}"] = row
                print(f"{scene.name:42} {name:14}", " ".join(f"{key} {value:7.3f}" for key, value in row.items()))
    timings = timed(scene, options.ticks)
    print(table(timings, reference="free"))
    result["tick"] = as_json(timings)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
