"""A robot folder that contradicts itself is refused with the file and the line; the shipped one is sane."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.errors import ConfigInvalid
from rove_teleop.robots import load_robot
from rove_teleop.robots.description import robot_folders

YAML, MODEL = "robot.yaml", "model.xml"
JOINT = r"  left_elbow_pitch: .*"


def replace(pattern: str, text: str) -> Callable[[str], str]:
    def edit(source: str) -> str:
        changed, count = re.subn(pattern, text, source, count=1, flags=re.MULTILINE)
        assert count == 1, f"the fixture no longer matches {pattern!r}"
        return changed

    return edit


def joint(fields: str) -> Callable[[str], str]:
    return replace(JOINT, f"  left_elbow_pitch: {{{fields}}}")


GOOD = "velocity: 2.5, acceleration: 20, jerk: 600"
CASES: dict[str, tuple[str, Callable[[str], str], str, str]] = {
    # name: (file to damage, how, regular expression of the line that must be named, words of the message)
    "missing joint": (YAML, replace(JOINT + "\n", ""), r"^  left_arm:", "left_elbow_pitch"),
    "NaN": (YAML, joint(f"position: [-2.4, .nan], {GOOD}, home: -1"), "left_elbow_pitch:", "finite"),
    "NaN as text": (YAML, joint(f"position: [-2.4, nan], {GOOD}, home: -1"), "left_elbow_pitch:", "number"),
    "infinite jerk": (
        YAML,
        joint("position: [-2.4, 0], velocity: 2, acceleration: 2, jerk: .inf, home: -1"),
        "left_elbow_pitch:",
        "jerk",
    ),
    "minimum above maximum": (YAML, joint(f"position: [0, -2.4], {GOOD}, home: -1"), "left_elbow_pitch:", "minimum"),
    "minimum is maximum": (YAML, joint(f"position: [-1, -1], {GOOD}, home: -1"), "left_elbow_pitch:", "minimum"),
    "degrees": (YAML, joint(f"position: [-137, 0], {GOOD}, home: -80"), "left_elbow_pitch:", "looks like degrees"),
    "degrees per second": (
        YAML,
        joint("position: [-2.4, 0], velocity: 143, acceleration: 1150, jerk: 34000, home: -1"),
        "left_elbow_pitch:",
        "degrees per second",
    ),
    "home outside": (YAML, joint(f"position: [-2.4, 0], {GOOD}, home: 0.5"), "left_elbow_pitch:", "home"),
    "zero velocity": (
        YAML,
        joint("position: [-2.4, 0], velocity: 0, acceleration: 2, jerk: 6, home: -1"),
        "left_elbow_pitch:",
        "velocity",
    ),
    "negative jerk": (
        YAML,
        joint("position: [-2.4, 0], velocity: 2, acceleration: 2, jerk: -6, home: -1"),
        "left_elbow_pitch:",
        "jerk",
    ),
    "limit missing": (YAML, joint("position: [-2.4, 0], velocity: 2, home: -1"), "left_elbow_pitch:", "acceleration"),
    "unknown key of a joint": (
        YAML,
        joint(f"position: [-2.4, 0], {GOOD}, home: -1, torque: 9"),
        "left_elbow",
        "torque",
    ),
    "unknown key": (YAML, replace("^control_hz: 250", "control_hz: 250\nspeed: 9"), "^speed: 9", "speed"),
    "duplicate joint": (YAML, replace(f"({JOINT})", r"\1\n\1"), "left_elbow_pitch:", "twice"),
    "joint in no group": (
        YAML,
        replace("left_shoulder_yaw, left_elbow_pitch,", "left_shoulder_yaw,"),
        JOINT,
        "no group",
    ),
    "joint in two groups": (
        YAML,
        replace(r"\[neck_yaw,", "[waist_yaw, neck_yaw,"),
        r"^  neck:",
        "'waist_yaw', which is already in group 'waist'",
    ),
    "unknown joint of a group": (YAML, replace(r"\[neck_yaw,", "[nick_yaw, neck_yaw,"), r"^  neck:", "nick_yaw"),
    "range differs from the model": (
        YAML,
        joint(f"position: [-2.3, 0], {GOOD}, home: -1"),
        "left_elbow",
        "model's range",
    ),
    "order differs from the model": (
        YAML,
        replace("left_shoulder_yaw, left_elbow_pitch,", "left_elbow_pitch, left_shoulder_yaw,"),
        r"joint=\"left_shoulder_yaw\" class",
        "order",
    ),
    "control rate": (YAML, replace("^control_hz: 250", "control_hz: 0"), "^control_hz", "control_hz"),
    "no such model": (YAML, replace("^model: .*", "model: other.xml"), "^model", "other.xml"),
    "unknown site": (YAML, replace("head: head,", "head: forehead,"), "head: forehead", "forehead"),
    "unknown hand point": (
        YAML,
        replace("        index_pip:", "        index_knuckle:"),
        "index_knuckle:",
        "index_mcp",
    ),
    "unknown site of a hand": (
        YAML,
        replace(": left_index_pip", ": left_index_knee"),
        "left_index_knee",
        "left_index_knee",
    ),
    "a finger without a tip": (YAML, replace(".* index_tip: left_index_tip\n", ""), "index_pip:", "has no index_tip"),
    "a hand without points": (
        YAML,
        lambda s: re.sub(r"points:\n( {8}.*\n)+", "points: {}\n", s, count=1),
        "points:",
        "names no site",
    ),
    "a finger of the other hand": (
        YAML,
        replace("index_tip: left_index_tip", "index_tip: right_index_tip"),
        "right_index_tip",
        "does not hang from the body of the wrist's site 'left_wrist'",
    ),
    "a finger that no joint moves": (
        YAML,
        replace("index_tip: left_index_tip", "index_tip: left_wrist"),
        "index_tip: left_wrist",
        "no joint moves",
    ),
    "fingers that never touch": (YAML, replace("touch_m: 0.012", "touch_m: 12"), "touch_m: 12", "outside 0 to 0.1"),
    "touch missing": (YAML, replace(".*touch_m: 0.012\n", ""), "wrist:", "touch_m"),
    "unknown key of a hand": (YAML, replace("touch_m: 0.012", "touch_m: 0.012\n      glove: red"), "glove", "glove"),
    "not YAML": (YAML, replace("^joints:", "joints: [["), "", "not valid YAML"),
    "joint missing in the model": (
        MODEL,
        lambda s: replace('.*<joint name="neck_roll".*\n', "")(replace('.*joint="neck_roll".*\n', "")(s)),
        "neck_roll:",
        "neck_roll",
    ),
    "extra joint in the model": (
        MODEL,
        replace('(.*<joint name="neck_roll".*\n)', r'\1<joint name="nose" type="hinge" range="-1 1"/>\n'),
        'name="nose"',
        "nose",
    ),
    "no actuator": (MODEL, replace('.*joint="neck_roll".*\n', ""), 'joint name="neck_roll"', "no position actuator"),
    "unknown tag": (YAML, replace("^control_hz: 250", "control_hz: !fast 250"), "^control_hz", "!fast"),
    "no date": (YAML, replace("^control_hz: 250", "control_hz: 2026-13-45"), "^control_hz", "month"),
    "larger than any number": (YAML, replace("^control_hz: 250", f"control_hz: 1{'0' * 400}"), "^control_hz", "finite"),
    "nested too deeply": (YAML, replace("^control_hz: 250", "control_hz: " + "[" * 5000), "", "not valid YAML"),
    "an arm without joints": (YAML, replace("^  left_arm:", "  left_limb:"), "left_wrist: left_wrist", "left_arm"),
    "truncated model": (MODEL, lambda s: s[: s.index('axis="0 1 0"') + 8], 'axis="0 $', "MuJoCo refuses"),
    "broken model": (MODEL, replace('axis="1 0 0"', 'axis="1 0"'), "", "MuJoCo refuses"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_robot_is_refused_with_file_and_line(case: str, tmp_path: Path) -> None:
    damaged, edit, line_pattern, words = CASES[case]
    folder = tmp_path / "robot"
    shutil.copytree(robot_folders()["iron_r01"], folder)
    path = folder / damaged
    path.write_text(edit(path.read_text()))
    with pytest.raises(ConfigInvalid) as caught:
        load_robot(folder)
    match = re.fullmatch(r"(.*?):(\d+): (.*)", str(caught.value), flags=re.DOTALL)
    assert match, f"no file and line in {caught.value}"
    named, line, message = match.groups()
    assert Path(named).parent == folder
    assert words in message
    text = Path(named).read_text().splitlines()[int(line) - 1]
    assert re.search(line_pattern, text), f"line {line} is {text!r}"


def test_a_number_may_have_an_exponent(tmp_path: Path) -> None:
    folder = tmp_path / "robot"
    shutil.copytree(robot_folders()["iron_r01"], folder)
    path = folder / YAML
    path.write_text(replace("^control_hz: 250", "control_hz: 1e2")(path.read_text()))
    assert load_robot(folder).control_hz == 100.0


def test_unknown_robot_names_the_known_ones() -> None:
    with pytest.raises(ConfigInvalid, match="iron_r01"):
        load_robot("iron_r99")


def test_shipped_robot_has_fifty_joints_in_named_groups() -> None:
    robot = load_robot("iron_r01")
    sizes = {group: len(index) for group, index in robot.groups.items()}
    assert sizes == {"waist": 3, "neck": 3, "left_arm": 7, "right_arm": 7, "left_hand": 15, "right_hand": 15}
    order = np.concatenate(list(robot.groups.values()))
    assert np.array_equal(order, np.arange(50))
    assert "not XPENG" in robot.note
    assert robot.joint_names[robot.index("right_elbow_pitch")] == "right_elbow_pitch"


def test_shipped_limits_are_sane() -> None:
    robot = load_robot("iron_r01")
    assert np.all(robot.q_min_rad < robot.q_max_rad)
    assert np.all((robot.q_min_rad <= robot.home_rad) & (robot.home_rad <= robot.q_max_rad))
    for limit in (robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3):
        assert limit.shape == (50,) and np.all(limit > 0.0)
    # A filter that may not reach full speed or full acceleration within a second would be useless to a person.
    assert np.all(robot.v_max_rad_s / robot.a_max_rad_s2 < 0.5)
    assert np.all(robot.a_max_rad_s2 / robot.j_max_rad_s3 < 0.1)


def test_shipped_hands_name_the_points_of_five_fingers_and_of_four() -> None:
    for side in ("left", "right"):
        hand = load_robot("iron_r01").operator.hands[side]  # type: ignore[index]
        assert hand.fingers == ("thumb", "index", "middle", "ring", "little")
        assert hand.wrist == f"{side}_wrist" and len(hand.points) == 10
    allegro = load_robot("allegro_right")
    assert allegro.joint_count == 16 and not allegro.operator.frames
    assert list(allegro.operator.hands) == ["right"]
    assert allegro.operator.hands["right"].fingers == ("thumb", "index", "middle", "ring")


def test_limits_cannot_be_changed_by_accident() -> None:
    robot = load_robot("iron_r01")
    with pytest.raises(ValueError, match="read-only"):
        robot.v_max_rad_s[0] = 99.0
    with pytest.raises(TypeError):
        robot.groups["waist"] = np.zeros(0, dtype=np.int64)  # type: ignore[index]


def test_left_and_right_mirror_each_other() -> None:
    robot = load_robot("iron_r01")
    for name in robot.joint_names:
        if name.startswith("left_"):
            left, right = robot.index(name), robot.index(name.replace("left_", "right_", 1))
            span = robot.q_max_rad - robot.q_min_rad
            assert span[left] == pytest.approx(span[right])
            assert robot.v_max_rad_s[left] == robot.v_max_rad_s[right]


def test_hash_follows_the_content(tmp_path: Path) -> None:
    source = robot_folders()["iron_r01"]
    folder = tmp_path / "copy"
    shutil.copytree(source, folder)
    assert load_robot(folder).config_hash == load_robot("iron_r01").config_hash
    path = folder / YAML
    path.write_text(path.read_text() + "# changed\n")
    assert load_robot(folder).config_hash != load_robot("iron_r01").config_hash
