"""Which part of the operator drives which part of the robot, as written in a robot's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..config import Section
from ..types import HAND_POINTS, SIDES, Side
from .model import SitePlace

OPERATOR_FRAMES: tuple[str, ...] = ("head", "left_wrist", "right_wrist", "left_elbow", "right_elbow")
"""Tracked body parts of an operator that a site of the model may follow; of an elbow, a point is enough."""
FARTHEST_TOUCH_M = 0.1
SHOULDER_JOINTS = 3
"""Where the first three joints of an arm meet is its shoulder."""


@dataclass(frozen=True, slots=True)
class HandMapping:
    """A robot's hand by sites of its model.

    ``wrist`` is the site from which the fingers are seen, with x along them and z out of the back of the hand.
    ``points`` names the site that is a point of the operator's hand (of ``HAND_POINTS``), for any subset of fingers; a
    finger that has points has a tip. ``touch_m`` is the distance of two tip sites when the pads of the fingers touch.
    """

    wrist: str
    points: MappingProxyType[str, str]
    touch_m: float

    @property
    def fingers(self) -> tuple[str, ...]:
        """The operator's fingers that this hand has, thumb first."""
        return tuple(finger_of(point) for point in HAND_POINTS if point.endswith("_tip") and point in self.points)


@dataclass(frozen=True, slots=True)
class OperatorMapping:
    """``frames``: operator part (of ``OPERATOR_FRAMES``) to site name of the model; ``hands``: sites by hand point."""

    frames: MappingProxyType[str, str]
    hands: MappingProxyType[Side, HandMapping]


def finger_of(point: str) -> str:
    """The finger of a hand point: "index" of "index_tip"."""
    return point.rsplit("_", 1)[0]


def read_operator(
    section: Section, sites: Mapping[str, SitePlace], groups: Mapping[str, Sequence[str]]
) -> OperatorMapping:
    """Check the ``operator`` section of a robot file against the sites of its model and the robot's joint groups.

    Raises:
        ConfigInvalid: a wrist or elbow without the group of its arm; unknown body part, hand point, site or key; a
            finger without a tip; a site that does not hang from the wrist or that no joint moves; a touching distance
            outside 0 to 0.1 m.
    """
    frames_section = section.section("frames")
    frames = {part: _site(frames_section, part, sites) for part in OPERATOR_FRAMES if part in frames_section}
    for part in frames:
        side, _, place = part.partition("_")
        if place and not len(groups.get(f"{side}_arm", ())) >= SHOULDER_JOINTS:
            raise frames_section.error(part, f"needs a group '{side}_arm' of at least {SHOULDER_JOINTS} joints")
    frames_section.done()
    hands_section = section.section("hands")
    hands = {side: _read_hand(hands_section.section(side), sites) for side in SIDES if side in hands_section}
    hands_section.done()
    section.done()
    return OperatorMapping(MappingProxyType(frames), MappingProxyType(hands))


def _site(section: Section, key: str, sites: Mapping[str, SitePlace]) -> str:
    name = section.text(key)
    if name not in sites:
        raise section.error(key, f"names site {name!r}, which the model does not have")
    return name


def _read_hand(section: Section, sites: Mapping[str, SitePlace]) -> HandMapping:
    wrist = _site(section, "wrist", sites)
    touch_m = section.number("touch_m", 0.0, FARTHEST_TOUCH_M)
    points_section = section.section("points")
    points: dict[str, str] = {}
    for point in points_section.keys():
        if point not in HAND_POINTS[1:]:
            raise points_section.error(point, f"is not one of the hand points {', '.join(HAND_POINTS[1:])}")
        points[point] = _site(points_section, point, sites)
        _check_place(points_section, point, sites[points[point]], wrist, sites[wrist])
    for point in points:
        if f"{finger_of(point)}_tip" not in points:
            raise points_section.error(point, f"has no {finger_of(point)}_tip beside it")
    if not points:
        raise section.error("points", "names no site")
    section.done()
    return HandMapping(wrist, MappingProxyType(points), touch_m)


def _check_place(section: Section, point: str, place: SitePlace, wrist: str, at_wrist: SitePlace) -> None:
    if place.bodies[: len(at_wrist.bodies)] != at_wrist.bodies:
        raise section.error(point, f"names a site that does not hang from the body of the wrist's site {wrist!r}")
    if place.joint_count == at_wrist.joint_count:
        raise section.error(point, f"names a site that no joint moves against the wrist's site {wrist!r}")
