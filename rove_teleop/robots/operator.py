"""Which part of the operator drives which part of the robot, as written in a robot's configuration.

Angles of a hand are measured in the wrist frame (x along the fingers, z out of the back of the hand), radians, zero for
a flat hand with its fingers together. ``<finger>_mcp_flexion``, ``_pip_`` and ``_dip_flexion`` grow as the finger
closes. ``<finger>_abduction`` of the four fingers is positive towards +y; ``thumb_abduction`` is positive out of the
plane of the hand, towards the palm.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from ..config import Section
from ..types import SIDES, Side

_FINGERS = ("index", "middle", "ring", "little")
_THUMB_ANGLES = ("thumb_abduction", "thumb_cmc_flexion", "thumb_mcp_flexion", "thumb_ip_flexion")
_FINGER_ANGLES = ("abduction", "mcp_flexion", "pip_flexion", "dip_flexion")

HAND_ANGLES: tuple[str, ...] = _THUMB_ANGLES + tuple(
    f"{finger}_{angle}" for finger in _FINGERS for angle in _FINGER_ANGLES
)
"""Names of the angles of an operator's hand that a robot joint may follow."""

OPERATOR_FRAMES: tuple[str, ...] = ("head", "left_wrist", "right_wrist")
"""Tracked body parts of an operator that a site of the model may follow."""


@dataclass(frozen=True, slots=True)
class HandJoint:
    """A robot joint that follows ``scale`` times one of ``HAND_ANGLES`` of the operator's hand on ``side``."""

    joint: str
    side: Side
    angle: str
    scale: float


@dataclass(frozen=True, slots=True)
class OperatorMapping:
    """``frames``: operator part (of ``OPERATOR_FRAMES``) to site name of the model; ``hands``: joints by hand angle."""

    frames: MappingProxyType[str, str]
    hands: tuple[HandJoint, ...]

    def hand(self, side: Side) -> tuple[HandJoint, ...]:
        """The joints that follow the operator's hand on one side."""
        return tuple(joint for joint in self.hands if joint.side == side)


def read_operator(section: Section, joint_names: tuple[str, ...]) -> OperatorMapping:
    """Check the ``operator`` section of a robot file. The sites' existence is checked against the model elsewhere.

    Raises:
        ConfigInvalid: unknown body part, hand angle, joint or key, a joint mapped twice, or a scale outside +-10.
    """
    frames_section = section.section("frames")
    frames = {part: frames_section.text(part) for part in OPERATOR_FRAMES if part in frames_section}
    frames_section.done()
    hands_section = section.section("hands")
    hands: list[HandJoint] = []
    for side in SIDES:
        if side in hands_section:
            hands += _read_hand(hands_section.section(side), side, joint_names)
    hands_section.done()
    section.done()
    return OperatorMapping(MappingProxyType(frames), tuple(hands))


def _read_hand(section: Section, side: Side, joint_names: tuple[str, ...]) -> list[HandJoint]:
    joints: list[HandJoint] = []
    for name in section.keys():
        if name not in joint_names:
            raise section.error(name, "is not a joint of this robot")
        entry = section.section(name)
        angle = entry.text("angle")
        if angle not in HAND_ANGLES:
            raise entry.error("angle", f"is {angle!r}, not one of the hand angles {', '.join(HAND_ANGLES)}")
        joints.append(HandJoint(name, side, angle, entry.number("scale", -10.0, 10.0)))
        entry.done()
    return joints
