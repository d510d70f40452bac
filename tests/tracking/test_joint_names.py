"""Common exporters' names of hands, fingers and arms are understood."""

import numpy as np
import pytest

from rove_teleop.tracking.motion_file import load_motion
from rove_teleop.tracking.readers.joint_names import Part, Phalanx, part_of, phalanx_of, without_rig

LEFT_HANDS = """
LeftHand lHand LHand hand_l hand.L Hand_L L_Hand left_hand mixamorig:LeftHand mixamorig1:LeftHand lhand DEF-hand.L
Character1_LeftHand J_Bip_L_Hand handLeft left-hand ns:rig:LeftHand
""".split()


@pytest.mark.parametrize("name", [*LEFT_HANDS, "Bip01 L Hand", "Left Hand"])
def test_a_left_hand_by_any_name(name):
    assert part_of(name) == Part("left", "hand")
    mirrored = name.replace("Left", "Right").replace("left", "right")
    mirrored = mirrored.replace("L", "R") if mirrored == name and "L" in name else mirrored
    mirrored = mirrored.replace("l", "r") if mirrored == name else mirrored
    assert part_of(mirrored) == Part("right", "hand")


@pytest.mark.parametrize("name", ["Hips", "Spine1", "Head", "Neck", "LowerBack", "root", "ribs", "lumbar", "LHipJoint"])
def test_the_middle_of_the_body_is_no_hand(name):
    assert part_of(name).part not in ("hand", "wrist")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("handindex1", Phalanx("index", 1)),
        ("handthumb3", Phalanx("thumb", 3)),
        ("handpinky4", Phalanx("little", 4)),
        ("middle02", Phalanx("middle", 2)),
        ("inhandindex", Phalanx("index", 0)),
        ("indexproximal", Phalanx("index", 1)),
        ("thumbproximal", Phalanx("thumb", 2)),
        ("thumbmetacarpal", Phalanx("thumb", 1)),
        ("ringdistal", Phalanx("ring", 3)),
        ("littleintermediate", Phalanx("little", 2)),
        ("forearm", None),
        ("hand", None),
    ],
)
def test_finger_joints_say_their_place(part, expected):
    assert phalanx_of(part) == expected


def test_a_shared_beginning_is_dropped_unless_it_is_a_side():
    assert without_rig(["Actor_Hips", "Actor_LeftHand"]) == ["Hips", "LeftHand"]
    assert without_rig(["L_Arm", "L_Hand"]) == ["L_Arm", "L_Hand"]
    assert without_rig(["Hips"]) == ["Hips"]


FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")


def with_fingers(prefix="", flexed_deg=0.0, up="y"):
    """Arms along x; the left hand has five fingers, palm down, thumb forward, the index finger bent at its knuckle."""

    def axes(x, y, z):  # x to the left, y up, z forward
        return f"{x} {y} {z}" if up == "y" else f"{x} {-z} {y}"

    turn = "Zrotation" if up == "y" else "Yrotation"
    channels = "CHANNELS 3 Xrotation Yrotation Zrotation"
    text = f"HIERARCHY\nROOT {prefix}Hips\n{{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n"
    text += (
        f"JOINT {prefix}Head\n{{\nOFFSET {axes(0, 60, 0)}\n{channels}\nEnd Site\n{{\nOFFSET {axes(0, 20, 0)}\n}}\n}}\n"
    )
    names = ["Hips", "Head"]
    for side, sign in (("Right", -1), ("Left", 1)):
        for name, offset in (("Arm", (18, 45, 0)), ("ForeArm", (30, 0, 0)), ("Hand", (25, 0, 0))):
            place = axes(sign * offset[0], offset[1], offset[2])
            text += f"JOINT {prefix}{side}{name}\n{{\nOFFSET {place}\n{channels}\n"
            names.append(side + name)
        for finger, z in zip(FINGERS, (4, 2, 0, -2, -4), strict=True):
            if side == "Right":
                break
            for k in range(1, 4):
                offset = axes(8 if k == 1 else 3, 0, z if k == 1 else 0)
                text += f"JOINT {prefix}{side}Hand{finger}{k}\n{{\nOFFSET {offset}\n{channels}\n"
                names.append(f"{side}Hand{finger}{k}")
            text += f"End Site\n{{\nOFFSET {axes(2, 0, 0)}\n}}\n" + "}\n" * 3
        if side == "Right":
            text += f"End Site\n{{\nOFFSET {axes(-10, 0, 0)}\n}}\n"
        text += "}\n" * 3
    row = ["0 0 0"]
    for name in names[1:]:
        bent = name.startswith("LeftHandIndex1")
        angle = (-flexed_deg if up == "y" else flexed_deg) if bent else 0.0
        row.append(" ".join(str(angle) if f"{axis}rotation" == turn else "0" for axis in "XYZ"))
    return text + "}\nMOTION\nFrames: 1\nFrame Time: 0.01\n" + " ".join(row) + "\n"


@pytest.mark.parametrize("prefix", ["", "Actor_", "mixamorig:"])
@pytest.mark.parametrize("up", ["y", "z"])
def test_fingers_of_a_bvh_become_points_in_the_wrist_frame(tmp_path, prefix, up):
    path = tmp_path / "fingers.bvh"
    path.write_text(with_fingers(prefix, 90.0, up))
    motion = load_motion(path)
    hand = motion.frames[0].left
    assert np.allclose(hand.T_world_wrist[:3, 0], [0, 1, 0], atol=1e-9)  # fingers point left
    assert np.allclose(hand.T_world_wrist[:3, 2], [0, 0, 1], atol=1e-9)  # palm down
    points = hand.points_m
    assert np.allclose(points[9:13], [[0.08, 0, 0], [0.11, 0, 0], [0.14, 0, 0], [0.16, 0, 0]], atol=1e-6)
    assert np.allclose(points[5], [0.08, -0.02, 0.0], atol=1e-6)  # the index finger is at -y of a left hand
    assert np.allclose(points[8], [0.08, -0.02, -0.08], atol=1e-6)  # bent by 90 degrees: down, to the palm
    assert motion.frames[0].right.points_m is None  # no fingers there
