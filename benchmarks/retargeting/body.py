"""20 joints of waist, neck and arms: our inverse kinematics beside pink, mink and placo, in one process.

    OMP_NUM_THREADS=1 .cache/peers/bin/python benchmarks/retargeting/body.py --json body.json

The same for all: two wrist poses (position 1, orientation 0.1 m/rad), head orientation (0.1 m/rad), posture (1e-6),
gain 1, position and velocity limits of the robot, damping 5e-5, and a time step of 5 ms (of recordings: their own).
`rove, same QP` is ours with exactly that: one step, all joints alike. `rove` adds what a session runs with: two steps,
resistance that grows with the error. `rove, shy waist` lets the waist help only where an arm is too short. `guarded`
keeps hands and forearms off the body, too (none of the others does, so its error counts what they pass through).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from body_peers import Mink, Pink, Placo, as_slice, write_urdf
from body_scenes import SCENES, SINES, Goals, recordings
from paced import as_json, machine, measure, table

from rove_teleop.geometry import pose_error
from rove_teleop.retargeting.body import BodyIK
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.robots.tree import read_tree
from rove_teleop.types import Array

WHOLE = ("waist", "neck", "left_arm", "right_arm")
DT_S = 0.005
DAMPING = 5e-5
Stepper = Callable[[Mapping[str, Array], Array], Array]


class Rig:
    """Makes solvers of the same 20 joints; angles go in and out in the order of our tree."""

    def __init__(self, robot: RobotDescription, folder: Path) -> None:
        self.robot = dataclasses.replace(robot, self_collision=None)
        self.guarded = robot
        tree = read_tree(robot, ("head", "left_wrist", "right_wrist"))
        self.joints = as_slice(tree.joints.tolist())
        self.urdf = write_urdf(robot, tree, folder / "body.urdf")
        self.names = [robot.joint_names[j] for j in tree.joints]
        self.home = robot.home_rad[tree.joints]
        self.v_max = robot.v_max_rad_s[tree.joints]

    def ours(self, dt_s: float, guarded: bool = False, **options: object) -> Stepper:
        ik, q_rad = BodyIK(self.guarded if guarded else self.robot, WHOLE, **options), self.robot.home_rad.copy()

        def step(goals: Mapping[str, Array], q: Array) -> Array:
            q_rad[self.joints] = q
            return ik.solve(goals, q_rad, dt_s).q_rad[self.joints]

        return step

    def solvers(self, dt_s: float) -> dict[str, Stepper]:
        """Everyone with the same problem, ours also as it ships."""
        return {
            "rove": self.ours(dt_s, reluctant=()),
            "rove, same QP": self.ours(dt_s, reluctant=(), iterations=1, resistance_per_m=0.0),
            "rove, shy waist": self.ours(dt_s),
            "rove, shy, guarded": self.ours(dt_s, guarded=True),
            "placo": Placo(self.urdf, self.names, self.home, dt_s, DAMPING).step,
            "mink daqp": Mink(self.urdf, self.names, self.home, self.v_max, dt_s, DAMPING, 0.0).step,
            "pink daqp": Pink(self.urdf, self.names, self.home, dt_s, DAMPING, 0.0, "daqp").step,
        }

    def undamped(self, dt_s: float) -> dict[str, Stepper]:
        return {
            "undamped pink": Pink(self.urdf, self.names, self.home, dt_s, 1e-12, 0.0, "daqp").step,
            "undamped mink": Mink(self.urdf, self.names, self.home, self.v_max, dt_s, 1e-12, 0.0).step,
        }


def follow(rig: Rig, step: Stepper, goals: Sequence[Goals], dt_s: float) -> dict[str, float]:
    """Errors of the better known kind, and how the joints moved, over a sequence of goals from the home pose."""
    kinematics, full = Kinematics(rig.robot), rig.robot.home_rad.copy()
    q, path, errors = rig.home.copy(), [], []
    for goal in goals:
        q = step(goal, q)
        path.append(q)
        full[rig.joints] = q
        kinematics.update(full)
        error = np.array([pose_error(kinematics.frame(site), T) for site, T in goal.items()])
        errors.append([np.linalg.norm(error[:, :3], axis=1)[:2].max(), np.linalg.norm(error[:, 3:], axis=1)[:2].max()])
    angles, errors = np.array(path), np.array(errors)
    speed = np.diff(angles, axis=0, prepend=rig.home[None]) / dt_s
    low, high = rig.robot.q_min_rad[rig.joints], rig.robot.q_max_rad[rig.joints]
    settled = int(0.2 / dt_s)
    return {
        "hand_mm_mean": 1e3 * float(errors[:, 0].mean()),
        "hand_mm_p95": 1e3 * float(np.percentile(errors[:, 0], 95)),
        "hand_deg_mean": float(np.degrees(errors[:, 1].mean())),
        "hand_deg_max": float(np.degrees(errors[:, 1].max())),
        "acceleration_rms": float(np.sqrt(np.mean((np.diff(speed[settled:], axis=0) / dt_s) ** 2))),
        "outside_rad": float(max((low - angles).max(), (angles - high).max(), 0.0)),
        "speed_ratio": float(np.max(np.abs(speed) / rig.v_max)),
    }


def timing(rig: Rig, ticks: int) -> dict[str, Callable[[int], object]]:
    """One callable per solver that follows the sines, from home at tick 0."""
    goals = [SINES(k * DT_S) for k in range(ticks)]

    def follower(step: Stepper) -> Callable[[int], object]:
        state = {"q": rig.home.copy()}

        def tick(k: int) -> None:
            state["q"] = step(goals[k], rig.home.copy() if k == 0 else state["q"])

        return tick

    return {name: follower(step) for name, step in rig.solvers(DT_S).items()}


def tracking(rig: Rig) -> dict[str, dict[str, dict[str, float]]]:
    """Errors on sines and on the recordings that are here."""
    motions = {"sines": ([SINES(k * DT_S) for k in range(4000)], DT_S), **recordings(rig.robot)}
    return {
        motion: {name: follow(rig, step, goals, dt_s) for name, step in rig.solvers(dt_s).items()}
        for motion, (goals, dt_s) in motions.items()
    }


def edges(rig: Rig) -> dict[str, dict[str, dict[str, float]]]:
    """Beyond reach and beyond the wrist's and neck's limits, with the undamped problem beside."""
    return {
        name: {
            solver: follow(rig, step, [scene(k * DT_S) for k in range(1600)], DT_S)
            for solver, step in {**rig.solvers(DT_S), **rig.undamped(DT_S)}.items()
        }
        for name, scene in SCENES.items()
    }


def show(title: str, results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    keys = list(next(iter(next(iter(results.values())).values())))
    for name, by_solver in results.items():
        print(f"\n{title}: {name}\n{'':18s}" + "".join(f"{key:>18s}" for key in keys))
        for solver, row in by_solver.items():
            print(f"{solver:18s}" + "".join(f"{row[key]:18.4g}" for key in keys))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ticks", type=int, default=3000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(load_robot("iron_r01"), Path(folder))
        before = machine()
        print(before)
        timings = measure(timing(rig, options.ticks), options.ticks)
        print(table(timings, "rove"))
        followed, at_edges = tracking(rig), edges(rig)
    show("tracking", followed)
    show("at limits and singularities", at_edges)
    if options.json is not None:
        result = {"machine": before, "us": as_json(timings), "tracking": followed, "edges": at_edges}
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
