"""Hands: our solver beside dex-retargeting (vector) and placo (points), same targets, same run, one process.

    OMP_NUM_THREADS=1 .cache/peers/bin/python benchmarks/retargeting/hands.py --json hands.json
    .cache/peers/bin/python benchmarks/retargeting/hands.py --check-allegro

Targets are the vectors from the wrist to each tip and each point between: of sines of the robot's own joints, longer
by 5 % and with 1 mm of noise, at 60 Hz; or of recorded hands, scaled finger by finger. `error` is the mean distance
over all vectors and frames, `pinch` the mean error of the distance of two fingertips while the operator's touch,
`outside` the farthest that a joint went beyond its limit. `rove, same objective` has exactly dex-retargeting's
objective (Huber 0.02 m, 4e-3 |q - q_last|^2); `hardly held` has 1e-5 instead, the fair one beside placo, with as many
steps as a frame needs or with one. `rove, hands` is what a session runs, from the operator's points on: it
wants other things (pinches, speed limits), so its error over the vectors is not comparable.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from body_peers import write_urdf
from hand_peers import HUBER_M, NORM_DELTA, DexVector, PlacoPoints
from paced import as_json, machine, measure, table

from rove_teleop.retargeting.calibration import HandSize, measure_size, touch_gaps_m
from rove_teleop.retargeting.chain import forward
from rove_teleop.retargeting.hand_solver import HandSolver
from rove_teleop.retargeting.hands import HandRetargeter
from rove_teleop.retargeting.vector_tasks import place_points
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.robots.tree import read_tree
from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.types import Array

RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "motion"
HARDLY = 1e-5
"""As little pull to the last pose as placo gets."""
TOUCHING_M = 2e-3
ALLEGRO_URDF = "example-robot-data/robots/allegro_hand_description/urdf/allegro_right_hand.urdf"


class Hand:
    """One robot's right hand as everybody gets it."""

    def __init__(self, robot: RobotDescription, folder: Path) -> None:
        self.robot, self.mapping = robot, robot.operator.hands["right"]
        self.points = list(self.mapping.points)
        self.tree = read_tree(robot, tuple(self.mapping.points.values()), self.mapping.wrist)
        self.names = [robot.joint_names[j] for j in self.tree.joints]
        self.low, self.high = robot.q_min_rad[self.tree.joints], robot.q_max_rad[self.tree.joints]
        self.start = 0.5 * (self.low + self.high)
        self.urdf = write_urdf(robot, self.tree, folder / f"{robot.name}.urdf")

    def vectors_m(self, q_rad: Array) -> Array:
        """Wrist to each point (points, 3)."""
        m = len(q_rad)
        rotation, origin_m, point_m = np.empty((m, 3, 3)), np.empty((m, 3)), np.empty((len(self.points), 3))
        forward(self.tree.parent, self.tree.T_parent_link, self.tree.axis, q_rad, rotation, origin_m)
        site_m = np.ascontiguousarray(self.tree.T_link_site[:, :3, 3])
        place_points(self.tree.site_link, site_m, rotation, origin_m, point_m)
        return point_m

    def tips(self) -> list[int]:
        return [self.points.index(f"{finger}_tip") for finger in self.mapping.fingers]


@dataclass(frozen=True)
class Scene:
    """Targets (frames, points, 3), and the operator's hand where there is one."""

    name: str
    hand: Hand
    targets_m: Array
    points_m: Array | None = None
    size: HandSize | None = None
    dt_s: float = 1.0 / 60.0


def sines(hand: Hand, frames: int) -> Scene:
    random = np.random.default_rng(0)
    count = len(hand.low)
    phase, rate_hz = random.uniform(0.0, 2.0 * np.pi, count), random.uniform(0.2, 1.0, count)
    time_s = np.arange(frames)[:, None] / 60.0
    q_rad = hand.start + 0.45 * (hand.high - hand.low) * np.sin(2.0 * np.pi * rate_hz * time_s + phase)
    vectors_m = np.array([hand.vectors_m(q) for q in q_rad])
    noise_m = random.normal(scale=1e-3, size=vectors_m.shape)
    return Scene(f"{hand.robot.name}, sines", hand, 1.05 * vectors_m + noise_m)


def recorded(hand: Hand, file: str, frames: int) -> Scene:
    """Frames of a recording around the middle; targets as our own retargeting sees them, without pinches."""
    motion = [f for f in load_motion(RECORDINGS / file).frames if f.right.points_m is not None]
    points_m = np.array([f.right.points_m for f in motion])
    size = HandSize(
        measure_size(points_m).finger_m, np.minimum(np.percentile(touch_gaps_m(points_m), 0.5, axis=0), 0.03)
    )
    first = max(len(points_m) // 2 - frames // 2, 0)
    points_m = points_m[first : first + frames]
    retargeter = HandRetargeter(hand.robot, "right", size)
    goals = retargeter._targets
    knuckle_m = np.array([goals.tree.T_link_site[start, :3, 3] for start, _ in goals.vectors])
    order = np.argsort([end for _, end in goals.vectors])
    rows = []
    for frame in points_m:
        goals.update(frame)
        rows.append((knuckle_m + goals.target_m[: len(goals.vectors)])[order])
    name = f"{hand.robot.name}, {file.split('_')[0]}"
    dt_s = float(np.median(np.diff([f.stamp_s for f in motion])))
    return Scene(name, hand, np.array(rows), points_m, size, dt_s)


class Ours:
    """Our solver on the vectors alone."""

    def __init__(self, hand: Hand, hold: float, iterations: int = 20) -> None:
        count = len(hand.points)
        self._solver = HandSolver(hand.tree, [(-1, k) for k in range(count)], [], hand.low, hand.high, HUBER_M)
        self._iterations = iterations
        self._weight = np.full(count, 1.0 / count)
        self._hold, self._start, self._q = hold, hand.start, hand.start.copy()

    def restart(self) -> None:
        self._q = self._start.copy()

    def step(self, vectors_m: Array) -> Array:
        self._solver.solve(self._q, vectors_m, self._weight, self._hold, iterations=self._iterations)
        return self._q


class Shipped:
    """All of it, from the operator's points on."""

    def __init__(self, scene: Scene) -> None:
        self._hand = HandRetargeter(scene.hand.robot, "right", scene.size)
        self._start, self._q, self._dt_s = scene.hand.start, scene.hand.start.copy(), scene.dt_s

    def restart(self) -> None:
        self._q = self._start.copy()
        self._hand.anchor(None)

    def step(self, points_m: Array) -> Array:
        self._q = self._hand.angles(points_m, self._q, self._dt_s)
        return self._q


def solvers(scene: Scene) -> dict[str, tuple[object, Array]]:
    """Each with its input, one row per frame."""
    hand = scene.hand
    names, sites = hand.names, list(hand.mapping.points.values())
    result: dict[str, tuple[object, Array]] = {
        "rove, same objective": (Ours(hand, NORM_DELTA), scene.targets_m),
        "rove, hardly held": (Ours(hand, HARDLY), scene.targets_m),
        "rove, hardly held, 1 step": (Ours(hand, HARDLY, 1), scene.targets_m),
        "dex-retargeting": (DexVector(hand.urdf, names, sites, hand.start), scene.targets_m),
        "placo, 1 step": (PlacoPoints(hand.urdf, names, sites, hand.start, 1), scene.targets_m),
        "placo, 3 steps": (PlacoPoints(hand.urdf, names, sites, hand.start, 3), scene.targets_m),
    }
    if scene.points_m is not None:
        result["rove, hands"] = (Shipped(scene), scene.points_m)
    return result


def judge(scene: Scene, solver: object, rows: Array) -> dict[str, float]:
    """Errors in millimetres and radians over all frames but the first 30."""
    hand, errors_m, tips, outside = scene.hand, [], [], 0.0
    solver.restart()
    for k, row in enumerate(rows):
        q_rad = np.array(solver.step(row))
        outside = max(outside, float(np.max(np.maximum(hand.low - q_rad, q_rad - hand.high))))
        vectors_m = hand.vectors_m(q_rad)
        tips.append(vectors_m[hand.tips()])
        if k >= 30:
            errors_m.append(np.linalg.norm(vectors_m - scene.targets_m[k], axis=1).mean())
    result = {"error_mm": 1e3 * float(np.mean(errors_m)), "outside_rad": outside}
    if scene.points_m is not None and scene.size is not None:
        gaps_m = np.linalg.norm(np.array(tips)[:, 1:] - np.array(tips)[:, :1], axis=2)
        for k, finger in enumerate(hand.mapping.fingers[1:]):
            touching = touch_gaps_m(scene.points_m)[:, k] < scene.size.touch_m[k] + TOUCHING_M
            if touching.sum() >= 10:
                error_m = np.abs(gaps_m[touching, k] - hand.mapping.touch_m).mean()
                result[f"pinch_{finger}_mm"] = 1e3 * float(error_m)
    return result


def stepper(solver: object, rows: Array) -> Callable[[int], object]:
    def step(k: int) -> object:
        if k == 0:
            solver.restart()
        return solver.step(rows[k % len(rows)])

    return step


def run(scene: Scene, ticks: int, with_dex: bool) -> dict[str, object]:
    everyone = solvers(scene)
    if not with_dex:
        del everyone["dex-retargeting"]
    quality = {name: judge(scene, solver, rows) for name, (solver, rows) in everyone.items()}
    timings = measure({name: stepper(*pair) for name, pair in everyone.items()}, ticks)
    print(f"\n{scene.name}: {len(scene.targets_m)} frames, {scene.targets_m.shape[1]} vectors")
    print(table(timings, reference="rove, same objective"))
    for name, values in quality.items():
        print(f"{name:28s}" + "".join(f"  {key} {value:.2f}" for key, value in values.items()))
    return {"quality": quality, "timings": as_json(timings)}


def check_allegro() -> float:
    """Farthest that our model's fingertips are from those of the URDF, at 1000 random poses, in metres."""
    import pinocchio as pin

    model = pin.buildModelFromUrdf(str(next(Path(sys.prefix).rglob(ALLEGRO_URDF))))
    data, random, worst_m = model.createData(), np.random.default_rng(0), 0.0
    with tempfile.TemporaryDirectory() as folder:
        hand = Hand(load_robot("allegro_right"), Path(folder))
    T_palm_wrist = np.array([[0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, -0.095], [0, 0, 0, 1]], dtype=float)
    ends = {"index_tip": "link_3.0_tip", "middle_tip": "link_7.0_tip", "ring_tip": "link_11.0_tip"}
    ends |= {"thumb_tip": "link_15.0_tip", "thumb_ip": "link_15.0", "index_pip": "link_2.0", "ring_dip": "link_11.0"}
    for _ in range(1000):
        q_rad, q_pin = random.uniform(hand.low, hand.high), np.zeros(model.nq)
        for name, angle in zip(hand.names, q_rad, strict=True):
            q_pin[model.joints[model.getJointId(name)].idx_q] = angle
        pin.framesForwardKinematics(model, data, q_pin)
        ours_m = hand.vectors_m(q_rad)
        for point, link in ends.items():
            there = data.oMf[model.getFrameId(link)].translation
            here = T_palm_wrist[:3, :3] @ ours_m[hand.points.index(point)] + T_palm_wrist[:3, 3]
            worst_m = max(worst_m, float(np.linalg.norm(here - there)))
    return worst_m


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--ticks", type=int, default=1000, help="timed steps per solver, regime and scene")
    parser.add_argument("--without-dex", action="store_true", help="leave out dex-retargeting, which takes the time")
    parser.add_argument("--check-allegro", action="store_true", help="compare our Allegro hand with the URDF and stop")
    arguments = parser.parse_args()
    if arguments.check_allegro:
        print(f"allegro_right: fingers within {1e3 * check_allegro():.2g} mm of the URDF at 1000 random poses")
        return
    result: dict[str, object] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        iron, allegro = (Hand(load_robot(name), Path(folder)) for name in ("iron_r01", "allegro_right"))
        scenes = [
            sines(iron, 1000),
            recorded(iron, "manus_right_s000_r010.npz", 1500),
            recorded(iron, "mediapipe_right_video.npy", 600),
            recorded(allegro, "manus_right_s000_r010.npz", 1500),
        ]
        for scene in scenes:
            result[scene.name] = run(scene, arguments.ticks, not arguments.without_dex)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
