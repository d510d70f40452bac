"""One tick of 50 joints: ours (smoothing, blend, bounded tracker) beside ruckig, on targets that move every tick.

    OMP_NUM_THREADS=1 .cache/peers/bin/python -m benchmarks.command_filter.tick [--ticks N] [--json FILE]

Both get the limits of the robot's config. ruckig runs without synchronisation (its cheapest), with its target as a
ready-made list; ours runs ``MotionPath.step``, which also keeps the other driver's low-pass and the blend. Afterwards
the same motion is looked at from outside: largest share of each limit, and of the position range when targets leave it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import ruckig

from benchmarks.retargeting.paced import as_json, machine, measure, table
from rove_teleop.control.motion_path import OPERATOR, MotionPath
from rove_teleop.filter_lab.replay import robot_limits
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
LIMITS, N, DT = robot_limits(ROBOT), ROBOT.joint_count, ROBOT.dt_s


class Ours:
    """The live path, driven by the operator."""

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets
        self.wanted, self.nothing = np.full(N, OPERATOR), np.full(N, np.nan)
        self.path = MotionPath(LIMITS, ROBOT.groups)

    def __call__(self, k: int) -> np.ndarray:
        if k == 0:
            self.path.filter.start(ROBOT.home_rad)
            self.path.begin(ROBOT.home_rad)
        return self.path.step(self.wanted, self.nothing, self.targets[k])


class Ruckig:
    """ruckig community: position targets, no synchronisation."""

    def __init__(self, targets: np.ndarray) -> None:
        self.targets = targets.tolist()
        self.otg = ruckig.Ruckig(N, DT)
        self.input, self.output = ruckig.InputParameter(N), ruckig.OutputParameter(N)
        self.input.synchronization = ruckig.Synchronization.No
        self.input.max_velocity = LIMITS.v_max_rad_s.tolist()
        self.input.max_acceleration = LIMITS.a_max_rad_s2.tolist()
        self.input.max_jerk = LIMITS.j_max_rad_s3.tolist()
        # Accepted, and not used by the community version: part of what is shown here.
        self.input.max_position = LIMITS.q_max_rad.tolist()
        self.input.min_position = LIMITS.q_min_rad.tolist()

    def __call__(self, k: int) -> list[float]:
        if k == 0:
            self.otg.reset()
            self.input.current_position = ROBOT.home_rad.tolist()
            self.input.current_velocity = self.input.current_acceleration = [0.0] * N
        self.input.target_position = self.targets[k]
        self.otg.update(self.input, self.output)
        self.output.pass_to_input(self.input)
        return self.output.new_position


def waves(ticks: int, reach: float = 1.0) -> np.ndarray:
    """Slow waves of every joint (ticks, n), as a person moves; ``reach`` above 1 goes beyond the position limits."""
    rng = np.random.default_rng(0)
    time_s = DT * np.arange(ticks)[:, None]
    half = (ROBOT.q_max_rad - ROBOT.q_min_rad) / 2.0
    amplitude = reach * half if reach > 1.0 else np.minimum(0.9 * half, 0.25)
    inner = half - np.minimum(amplitude, half)
    middle = (ROBOT.q_max_rad + ROBOT.q_min_rad) / 2.0
    base = np.clip(ROBOT.home_rad, middle - inner, middle + inner)
    rise = np.minimum(time_s, 1.0)  # begins at home
    wave = base - ROBOT.home_rad + amplitude * np.sin(2 * np.pi * rng.uniform(0.2, 0.8, N) * time_s)
    return ROBOT.home_rad + rise * wave


def held(targets: np.ndarray, rate_hz: float) -> np.ndarray:
    """As a device of that rate delivers them: the same until the next sample."""
    ticks = np.arange(len(targets))
    return targets[(np.floor(ticks * DT * rate_hz) / rate_hz / DT).astype(int)]


def shares(step, ticks: int) -> dict[str, float]:
    """Largest share of each limit, of the position range from its middle too, and jerk rms, over a run."""
    q = np.vstack([np.tile(ROBOT.home_rad, (3, 1)), np.array([step(k) for k in range(ticks)])])
    centre, half = (LIMITS.q_max_rad + LIMITS.q_min_rad) / 2, (LIMITS.q_max_rad - LIMITS.q_min_rad) / 2
    found = {"position": float(np.max(np.abs(q - centre) / half))}
    for n, (name, limit) in enumerate(zip(("velocity", "acceleration", "jerk"), LIMITS.dynamic, strict=True), 1):
        rounding = 2.0**n * np.finfo(float).eps * np.abs(q).max() / DT**n
        value = np.maximum(np.abs(np.diff(q, n=n, axis=0)) / DT**n - rounding, 0.0) / limit
        found[name] = float(np.max(value))
    found["jerk rms"] = float(np.sqrt(np.mean((np.diff(q, n=3, axis=0) / DT**3 / LIMITS.j_max_rad_s3) ** 2)))
    return found


def with_a_nan(step, targets: np.ndarray) -> str:
    """What happens when one joint's target is NaN in one tick."""
    try:
        before, after = [np.array(step(k)) for k in range(len(targets))][-2:]
    except Exception as error:  # noqa: BLE001  (whatever ruckig raises is the finding)
        return f"raises {type(error).__name__}"
    moved = int(np.count_nonzero(before != after))
    return f"{moved} of {N} joints go on"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ticks, result = options.ticks, {"machine": machine(), "ruckig": ruckig.__version__}
    scenes = {"moving every tick": waves(ticks), "72 Hz held": held(waves(ticks), 72.0)}
    for name, targets in scenes.items():
        timings = measure({"ours": Ours(targets), "ruckig (no sync)": Ruckig(targets)}, ticks)
        print(f"\n{name}, {N} joints, {ticks} ticks\n{table(timings, 'ours')}")
        result[name] = as_json(timings)
    beyond = waves(ticks, reach=1.5)
    wrong = scenes["moving every tick"][:200].copy()
    wrong[-2:, 7] = np.nan
    heading = f"{'position':>10}{'velocity':>12}{'acceleration':>14}{'jerk':>16}{'rms':>9}"
    print(f"\n{'largest share of the limit':<28}{heading}")
    for name, kind in (("ours", Ours), ("ruckig", Ruckig)):
        for scene, targets in (*scenes.items(), ("targets beyond the range", beyond)):
            found = shares(kind(targets), ticks)
            result.setdefault("shares", {}).setdefault(name, {})[scene] = found
            line = f"{found['position']:10.4f}{found['velocity']:12.6f}{found['acceleration']:14.6f}"
            print(
                f"{name + ', ' + scene:<34}"[:28].ljust(28) + line + f"{found['jerk']:16.12f}{found['jerk rms']:9.4f}"
            )
        said = with_a_nan(kind(wrong), wrong)
        result.setdefault("one NaN target", {})[name] = said
        print(f"{name}, one joint's target is NaN: {said}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
