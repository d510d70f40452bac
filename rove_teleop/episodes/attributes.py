"""What an episode says about itself: the keys, their types, and one sentence for what does not fit."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import DatasetInvalid
from .camera_layout import CODECS
from .record.journal import crc32c
from .record.records import pack_json

HUMAN = "human"
"""The attribute ``embodiment`` of episodes of a person without a robot; other episodes have none."""
OUTCOMES = ("success", "failure", "discarded", "unknown")
STATUSES = ("complete", "recovered")
LIMITS = ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")

_CAMERA_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEXTS = ("task", "instruction", "protocol", "takeover_mode", "operator", "policy_id", "robot")
_DEFAULTS: dict[str, Any] = {
    **{key: "" for key in _TEXTS},
    "config_hashes": {},
    "limits": None,
    "feature_names": [],
    "cameras": [],
    "camera_codec": "jpeg",
    "state_names": [],
    "first_tick": None,
    "episode_number": None,
    "notes": "",
}
WRITTEN_HERE = ("id", "outcome", "status", "clocks", "software_version", "crc32c", "format", "format_version")


def checked_attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with every expected key; ``joint_names``, ``groups`` and ``control_hz`` must be given.

    Keys that this module does not know are kept. ``groups`` maps a group's name to the names of its joints; its
    order is the order of ``weight``'s columns. ``limits`` holds lists in joint order, keys as in ``LIMITS``.

    Raises:
        DatasetInvalid: a key is missing, of the wrong type, or reserved; the message names it.
    """
    for key in WRITTEN_HERE:
        if key in given:
            raise DatasetInvalid(f"attribute '{key}' is written by the recorder and cannot be given")
    attributes = {**_DEFAULTS, **given}
    pack_json(attributes)
    for key in _TEXTS:
        if not isinstance(attributes[key], str):
            raise DatasetInvalid(f"attribute '{key}' must be text, got {attributes[key]!r}")
    joints = _names(attributes, "joint_names")
    _check_cameras(attributes["cameras"])
    if attributes["camera_codec"] not in CODECS:
        raise DatasetInvalid(
            f"attribute 'camera_codec' must be {' or '.join(CODECS)}, got {attributes['camera_codec']!r}"
        )
    _check_groups(attributes.get("groups"), joints)
    _check_rate(attributes.get("control_hz"))
    _check_limits(attributes["limits"], len(joints))
    for key in ("first_tick", "episode_number"):
        if attributes[key] is not None and not isinstance(attributes[key], int):
            raise DatasetInvalid(f"attribute '{key}' must be a whole number, got {attributes[key]!r}")
    return attributes


def checked_outcome(outcome: object) -> str:
    """One of ``OUTCOMES``, else DatasetInvalid."""
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        raise DatasetInvalid(f"outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
    return outcome


def attributes_crc32c(attributes: Mapping[str, Any]) -> int:
    """CRC-32C over the canonical JSON of all attributes but this one."""
    rest = {key: value for key, value in attributes.items() if key != "attributes_crc32c"}
    return crc32c(json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


def _names(attributes: Mapping[str, Any], key: str) -> list[str]:
    value = attributes.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise DatasetInvalid(f"attribute '{key}' must be a list of names, got {value!r}")
    if len(set(value)) != len(value):
        raise DatasetInvalid(f"attribute '{key}' has a name twice")
    return value


def check_camera(name: object) -> None:
    """Refuse a camera name that could not be a folder's name, with DatasetInvalid."""
    if not isinstance(name, str) or not _CAMERA_NAME.fullmatch(name):
        raise DatasetInvalid(f"camera name {name!r} may hold letters, digits, _ and - only")


def _check_cameras(cameras: object) -> None:
    if not isinstance(cameras, list) or len(set(map(str, cameras))) != len(cameras):
        raise DatasetInvalid(f"attribute 'cameras' must be a list of names, each once, got {cameras!r}")
    for name in cameras:
        check_camera(name)


def _check_groups(groups: object, joints: list[str]) -> None:
    if not isinstance(groups, dict) or not groups:
        raise DatasetInvalid(f"attribute 'groups' must map group names to joint names, got {groups!r}")
    for name, members in groups.items():
        unknown = [joint for joint in members if joint not in joints] if isinstance(members, list) else [members]
        if unknown:
            raise DatasetInvalid(f"group '{name}' names {unknown[0]!r}, which is not a joint of this robot")


def _check_rate(control_hz: object) -> None:
    number = isinstance(control_hz, int | float) and not isinstance(control_hz, bool)
    if not number or not (0.0 < float(control_hz) < math.inf):  # type: ignore[arg-type]
        raise DatasetInvalid(f"attribute 'control_hz' must be a positive number, got {control_hz!r}")


def _check_limits(limits: object, joint_count: int) -> None:
    if limits is None:
        return
    if not isinstance(limits, dict) or set(limits) != set(LIMITS):
        raise DatasetInvalid(f"attribute 'limits' must hold exactly {', '.join(LIMITS)}")
    for key, values in limits.items():
        if not isinstance(values, list) or len(values) != joint_count:
            raise DatasetInvalid(f"attribute 'limits.{key}' must be a list of {joint_count} numbers")
