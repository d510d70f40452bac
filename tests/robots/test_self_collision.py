"""Capsules are where the model has them, and a wrong list of pairs is refused with file and line."""

import re
import shutil

import mujoco
import numpy as np
import pytest

from rove_teleop.errors import ConfigInvalid
from rove_teleop.robots.description import load_robot, robot_folders
from rove_teleop.robots.self_collision import read_capsules
from rove_teleop.robots.tree import read_tree

ROBOT = load_robot("iron_r01")


def test_capsules_hang_from_their_links_as_in_the_model():
    tree = read_tree(ROBOT, tuple(ROBOT.operator.frames.values()))
    names = ROBOT.self_collision.capsules
    links, shapes = read_capsules(ROBOT, tree, names)
    model = mujoco.MjModel.from_xml_path(str(ROBOT.model_path))
    data = mujoco.MjData(model)
    q_rad = np.random.default_rng(3).uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
    for name, angle in zip(ROBOT.joint_names, q_rad, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(model, data)
    for name, link, shape in zip(names, links, shapes, strict=True):
        geom, middle_m = model.geom(name), 0.5 * (shape[:3] + shape[3:6])
        if link < 0:
            np.testing.assert_allclose(middle_m, data.geom_xpos[geom.id], atol=1e-9)
            continue
        joint = model.joint(
            ROBOT.joint_names[tree.joints[link]]
        )  # the link's frame is at its joint, turned with its body
        turned = data.xmat[joint.bodyid[0]].reshape(3, 3)
        body_from_link = turned @ (middle_m - joint.pos)
        assert np.linalg.norm(body_from_link) == pytest.approx(
            np.linalg.norm(data.geom_xpos[geom.id] - data.xanchor[joint.id]), abs=1e-9
        )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "left_forearm_guard:  [torso_guard,",
            "left_forearm_guard:  [torso_gard,",
            "'torso_gard', which is no capsule",
        ),
        ("margin_m: 0.01", "margin_m: 2", "outside 0 to 0.2"),
        ("margin_m: 0.01", "margin_m: 0.01\n  gain: 3", "not a known key"),
    ],
)
def test_a_wrong_list_is_refused_with_file_and_line(tmp_path, old, new, complaint):
    folder = tmp_path / "robot"
    shutil.copytree(robot_folders()["iron_r01"], folder)
    text = (folder / "robot.yaml").read_text()
    assert old in text
    (folder / "robot.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigInvalid, match=rf"robot\.yaml:\d+: .*{re.escape(complaint)}"):
        load_robot(folder)
