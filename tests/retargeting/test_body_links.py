"""Links that turn about z are the same robot: poses and Jacobians agree with MuJoCo's at random angles."""

import numpy as np

from rove_teleop.retargeting.body_goals import goal_rows
from rove_teleop.retargeting.body_links import place_links, place_sites
from rove_teleop.retargeting.body_problem import (
    CHAIN_DEPTH,
    DEPTH,
    PARENT,
    PLACE,
    SITE_LINK,
    SIZES,
    THERE,
    Problem,
    about_z,
    cut_indices,
    cut_numbers,
    pack,
)  # fmt: skip
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.robots.tree import read_tree

ROBOT = load_robot("iron_r01")
SITES = ("head", "left_wrist", "right_wrist", "left_elbow", "right_elbow")
TREE = read_tree(ROBOT, SITES)


def packed():
    m, s = len(TREE.joints), len(SITES)
    problem = Problem(
        tree=about_z(TREE),
        limits=np.stack([ROBOT.q_min_rad, ROBOT.q_max_rad, ROBOT.v_max_rad_s]),
        serves=TREE.moves,
        swivel=np.full((s, 2), -1),
        weight=np.tile([1.0, 0.1], (s, 1)),
        damping=np.zeros((2, m)),
        capsule_link=np.zeros(0, dtype=np.int64),
        capsule=np.zeros((0, 7)),
        capsule_moves=np.zeros((0, m), dtype=bool),
        pairs=np.zeros((0, 2), dtype=np.int64),
    )
    indices, numbers = pack(problem)
    return cut_indices(indices), cut_numbers(indices[SIZES], numbers)


def test_poses_and_jacobians_agree_with_the_reference():
    table, tables = packed()
    kinematics, m, s, random = Kinematics(ROBOT), len(TREE.joints), len(SITES), np.random.default_rng(0)
    table.whole[THERE, :s] = 1
    for _ in range(20):
        q_rad = random.uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
        kinematics.update(q_rad)
        place_links(m, table.whole[PARENT], q_rad[TREE.joints], tables.frame)
        place_sites(s, table.whole[SITE_LINK], tables.frame, tables.site)
        for depth, above in ((DEPTH, table.above), (CHAIN_DEPTH, table.chain)):
            goal_rows(
                table.whole[THERE], table.whole[depth], above, table.whole[SITE_LINK], table.serves, table.swivel,
                tables.frame, tables.site, tables.J,
            )  # fmt: skip
            for k, site in enumerate(SITES):
                pose = tables.site[k, PLACE : PLACE + 12].reshape(3, 4)
                np.testing.assert_allclose(pose, kinematics.frame(site)[:3], atol=1e-12)
                link = TREE.site_link[k]
                rows, jacobian = table.whole[depth, link] + 1, np.zeros((6, m))
                jacobian[:, above[link, :rows]] = tables.J[6 * k : 6 * k + 6, :rows]
                weighted = kinematics.jacobian(site)[:, TREE.joints] * np.repeat([[1.0], [0.1]], 3, axis=0)
                np.testing.assert_allclose(jacobian, weighted, atol=1e-12)
