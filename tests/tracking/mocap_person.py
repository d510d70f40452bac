"""A person who can walk, turn, move the arms and bend the fingers: the truth that every simulated stream sends.

Places in a room with x forward, y left, z up; every joint's axes are the room's in the T-pose.
"""

import numpy as np

from rove_teleop.geometry import exp_so3
from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.mocap.body import T_POSE_WRIST
from rove_teleop.types import HAND_POINTS, SIDES

SHOULDER_M, UPPER_ARM_M, FOREARM_M, SHOULDER_HEIGHT_M = 0.18, 0.30, 0.25, 1.4
HAND_HEIGHT_M = SHOULDER_HEIGHT_M
UP = np.array([0.0, 0.0, 1.0])


def tree():
    """Parent and offset (3,) of every joint."""
    joints = {"hips": (None, [0.0, 0.0, 0.95]), "spine": ("hips", [0.0, 0.0, 0.2]), "head": ("spine", [0.0, 0.0, 0.45])}
    for side in SIDES:
        out = np.array([0.0, 1.0 if side == "left" else -1.0, 0.0])
        joints[f"{side}_clavicle"] = "spine", out * 0.05 + UP * 0.25
        joints[f"{side}_upper_arm"] = f"{side}_clavicle", out * (SHOULDER_M - 0.05)
        joints[f"{side}_forearm"] = f"{side}_upper_arm", out * UPPER_ARM_M
        joints[f"{side}_hand"] = f"{side}_forearm", out * FOREARM_M
        points = hand_points(side, 0.0) @ T_POSE_WRIST[side].T
        for k, name in enumerate(HAND_POINTS[1:], start=1):
            first = (k - 1) % 4 == 0
            joints[f"{side}_{name}"] = (
                f"{side}_hand" if first else f"{side}_{HAND_POINTS[k - 1]}",
                points[k] - points[0 if first else k - 1],
            )
    return joints


TREE = tree()


def pose(at=(0.0, 0.0), yaw=0.0, arm=(0.0, 0.0, 0.0), wrist=(0.0, 0.0, 0.0), curl=0.0):
    """Place (3,) and turn (3, 3) of every joint; ``arm`` and ``wrist`` are rotation vectors of both sides' joints."""
    local = {"hips": exp_so3(yaw * UP)}
    for side in SIDES:
        local[f"{side}_upper_arm"], local[f"{side}_hand"] = exp_so3(np.array(arm)), exp_so3(np.array(wrist))
        bend = exp_so3(curl * T_POSE_WRIST[side][:, 1])
        local |= {f"{side}_{name}": bend for name in HAND_POINTS[1:] if name.endswith(("mcp", "pip", "dip", "ip"))}
    result = {}
    for name, (parent, offset) in TREE.items():
        above, turn = result[parent] if parent else (np.array([*at, 0.0]), np.eye(3))
        result[name] = above + turn @ np.asarray(offset), turn @ local.get(name, np.eye(3))
    return result


def local_pose(joints):
    """The same, each joint relative to its parent."""
    result = {}
    for name, (parent, _) in TREE.items():
        place, turn = joints[name]
        above, frame = joints[parent] if parent else (np.zeros(3), np.eye(3))
        result[name] = frame.T @ (place - above), frame.T @ turn
    return result


def seen(joints, side):
    """What a frame should hold of a hand: wrist rotation, wrist and elbow from the chest, points in the wrist frame.

    The chest's axes are those of the hips: this person does not bend their back.
    """
    hips_place, hips_turn = joints["hips"]
    wrist_place, wrist_turn = joints[f"{side}_hand"]
    middle = np.array([hips_place[0], hips_place[1], 0.0])
    rotation = wrist_turn @ T_POSE_WRIST[side]
    places = np.array([joints[f"{side}_{name}"][0] for name in HAND_POINTS[1:]])
    points = np.vstack([np.zeros(3), (places - wrist_place) @ rotation])
    elbow = hips_turn.T @ (joints[f"{side}_forearm"][0] - middle)
    return hips_turn.T @ rotation, hips_turn.T @ (wrist_place - middle), elbow, points
