"""The compiled kinematics agree with MuJoCo's at random poses, from the base and from a wrist."""

import numpy as np
import pytest

from rove_teleop.geometry import inverse
from rove_teleop.retargeting.chain import forward, place_sites
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics
from rove_teleop.robots.tree import read_tree

ROBOT = load_robot("iron_r01")
KINEMATICS = Kinematics(ROBOT)
TIPS = tuple(site for site in KINEMATICS.sites if site.endswith("_tip") and site.startswith("left"))


def solve(tree, q_rad):
    m = len(tree.joints)
    rotation, position_m, T = np.zeros((m, 3, 3)), np.zeros((m, 3)), np.zeros((len(tree.sites), 4, 4))
    forward(tree.parent, tree.T_parent_link, tree.axis, q_rad[tree.joints], rotation, position_m)
    place_sites(tree.site_link, tree.T_link_site, rotation, position_m, T)
    return T


@pytest.mark.parametrize(
    ("sites", "root"), [(KINEMATICS.sites, None), (TIPS, "left_wrist"), (("head", "right_wrist"), None)]
)
def test_poses_agree_with_the_reference(sites, root):
    tree = read_tree(ROBOT, sites, root)
    rng = np.random.default_rng(0)
    for _ in range(20):
        q_rad = rng.uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
        T = solve(tree, q_rad)
        KINEMATICS.update(q_rad)
        T_root = np.eye(4) if root is None else KINEMATICS.frame(root)
        for k, site in enumerate(sites):
            np.testing.assert_allclose(T[k], inverse(T_root) @ KINEMATICS.frame(site), atol=1e-12)


def test_a_hand_is_seen_from_its_wrist_and_holds_only_its_own_joints():
    tree = read_tree(ROBOT, TIPS, "left_wrist")
    assert {ROBOT.joint_names[j] for j in tree.joints} == {ROBOT.joint_names[j] for j in ROBOT.groups["left_hand"]}


def test_a_site_elsewhere_is_refused():
    with pytest.raises(ValueError, match="does not hang"):
        read_tree(ROBOT, ("right_wrist",), "left_wrist")
