"""Would the hand hold the objects without the grasp assist? Random grasps, closed by friction alone, then shaken.

    .venv/bin/python benchmarks/physical_grasp.py --grasps 60

Fingers may touch the object here, which they do not in the tasks. The object is held where the task holds it (with a
random offset) until the fingers have closed for half a second; then the assist lets go and the wrist is shaken for two.
Held: it is still within 3 cm of where it was in the hand.
"""

from __future__ import annotations

import argparse

import mujoco
import numpy as np
from scipy.stats import binomtest

from rove_teleop.robots.description import load_robot
from rove_teleop.sim.scene import GRASP_SITE
from rove_teleop.sim.tasks import TASK_NAMES, task_params
from rove_teleop.sim.tasks.interface import ROBOT_CONTACT
from rove_teleop.sim.world import World

FINGERS = ("index", "middle", "ring", "little")


def grasp(world: World, rng: np.random.Generator) -> dict[str, float]:
    """Finger targets of one grasp: how far they would close if nothing were between them."""
    proximal, distal = rng.uniform(0.3, 1.3), rng.uniform(0.2, 1.3)
    targets = {f"right_{finger}_proximal": proximal for finger in FINGERS}
    targets |= {f"right_{finger}_distal": distal for finger in FINGERS}
    return targets | {
        "right_thumb_abduction": rng.uniform(0.3, 1.2),
        "right_thumb_proximal": rng.uniform(-0.2, 1.0),
        "right_thumb_distal": rng.uniform(0.0, 1.2),
    }


def object_in_hand_m(world: World) -> np.ndarray:
    data, body = world.data, world.model.body(world.task.held_object).id
    site = world.model.site(GRASP_SITE).id
    return data.site_xmat[site].reshape(3, 3).T @ (data.xpos[body] - data.site_xpos[site])


def holds(world: World, seed: int) -> tuple[bool, int]:
    """Whether one grasp holds, and how many geoms of the hand touched the object when the assist let go."""
    rng = np.random.default_rng(seed)
    world.reset(seed)
    body = world.model.body(world.task.held_object).id
    start_rad = world.start_pose_rad.copy()
    for name, angle in grasp(world, rng).items():
        start_rad[world.robot.index(name)] = angle
    world.command(start_rad)
    world.advance(0.5)
    before_m = object_in_hand_m(world)
    touching = sum(body in world.model.geom_bodyid[contact.geom] for contact in world.data.contact)
    world.data.eq_active[world.model.equality("grasp").id] = 0
    elbow = world.robot.index("right_elbow_pitch")
    for k in range(100):
        shaken_rad = start_rad.copy()
        shaken_rad[elbow] += 0.08 * np.sin(2.0 * np.pi * 1.5 * k * 0.02)
        world.command(shaken_rad)
        mujoco.mj_step(world.model, world.data, 10)
    return bool(np.linalg.norm(object_in_hand_m(world) - before_m) < 0.03), touching


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grasps", type=int, default=60)
    options = parser.parse_args()
    for task in TASK_NAMES:
        for form in ("in_hand", "full"):
            world = World(load_robot("iron_r01"), task, params=task_params(task, form="in_hand"))
            if form == "full":
                full = World(load_robot("iron_r01"), task, params=task_params(task, form="full"))
                world.task.T_hand_object = full.task.T_hand_object
            geoms = world.model.geom_bodyid == world.model.body(world.task.held_object).id
            world.model.geom_conaffinity[geoms] = ROBOT_CONTACT
            world.model.body_conaffinity[world.model.body(world.task.held_object).id] = ROBOT_CONTACT
            found = [holds(world, seed) for seed in range(options.grasps)]
            held, touching = sum(held for held, _ in found), np.median([touching for _, touching in found])
            low, high = binomtest(held, len(found)).proportion_ci(0.95, method="wilson")
            print(
                f"{world.task.held_object}, held as in the {form} form: {held} of {len(found)} random grasps hold "
                f"(95 % {100 * low:.0f}-{100 * high:.0f} %), {touching:g} contacts at the median"
            )


if __name__ == "__main__":
    main()
