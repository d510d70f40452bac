"""What is known of an operator once they were calibrated, as a value and as the JSON object that is kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np

from ..clock import wall_time_s
from ..errors import UsageError
from ..retargeting.calibration import FINGERS, Calibration, FingerResidual, HandSize
from ..types import SIDES, Array, Side

VERSION = 1
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class ArmProfile:
    """``shoulder_from_head_m`` (3,): forward, left, up of the head, None where no head was tracked."""

    length_m: float
    residual_m: float
    shoulder_from_head_m: Array | None = None


@dataclass(frozen=True, slots=True)
class OperatorProfile:
    """One operator as they were calibrated with ``device`` on the day ``made`` (ISO 8601).

    ``spread_m`` (5,) is the frame-to-frame spread of the finger lengths; ``residuals`` are those on ``robot``, by side
    and finger.
    """

    name: str
    device: str
    made: str
    robot: str
    sizes: Mapping[Side, HandSize] = field(default_factory=dict)
    spread_m: Mapping[Side, Array] = field(default_factory=dict)
    arms: Mapping[Side, ArmProfile] = field(default_factory=dict)
    residuals: Mapping[Side, Mapping[str, FingerResidual]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits of what is stored, for the episodes that are recorded with it."""
        return sha256(json.dumps(content_of(self), sort_keys=True).encode()).hexdigest()[:16]


def make_profile(
    name: str,
    device: str,
    robot: str,
    calibration: Calibration,
    residuals: Mapping[Side, Mapping[str, FingerResidual]],
) -> OperatorProfile:
    """A profile of what a guide has measured, dated now."""
    heads = calibration.shoulder_from_head_m
    return OperatorProfile(
        name=checked_name(name),
        device=device,
        made=datetime.fromtimestamp(wall_time_s(), UTC).isoformat(timespec="seconds"),
        robot=robot,
        sizes={side: hand.size for side, hand in calibration.hands.items()},
        spread_m={side: hand.spread_m for side, hand in calibration.hands.items()},
        arms={
            side: ArmProfile(arm.length_m, arm.residual_m, heads.get(side)) for side, arm in calibration.arms.items()
        },
        residuals=residuals,
        notes=calibration.notes,
    )


def checked_name(name: str) -> str:
    """The name as it is used for a file: letters, digits, ``-`` and ``_``, in lower case.

    Raises:
        UsageError: anything else.
    """
    folded = name.casefold()
    fits = 0 < len(folded) <= LONGEST_NAME and all(letter.isalnum() or letter in "-_" for letter in folded)
    if not fits or not folded[0].isalnum():
        raise UsageError(f"operator name {name!r} is not 1 to {LONGEST_NAME} letters, digits, - or _")
    return folded


def content_of(profile: OperatorProfile) -> dict[str, Any]:
    """The profile as the JSON object that is stored; lengths in millimetres with two decimals."""
    return {
        "version": VERSION,
        "name": profile.name,
        "device": profile.device,
        "made": profile.made,
        "robot": profile.robot,
        "hands": {side: _hand_content(profile, side) for side in SIDES if side in profile.sizes},
        "arms": {side: _arm_content(profile.arms[side]) for side in SIDES if side in profile.arms},
        "residuals": {
            side: {finger: _residual_content(residual) for finger, residual in fingers.items()}
            for side, fingers in profile.residuals.items()
        },
        **({"notes": list(profile.notes)} if profile.notes else {}),
    }


def _hand_content(profile: OperatorProfile, side: Side) -> dict[str, Any]:
    size = profile.sizes[side]
    return {
        "finger_mm": _mm(size.finger_m),
        "touch_mm": _mm(size.touch_m),
        "spread_mm": _mm(profile.spread_m.get(side, np.zeros(len(FINGERS)))),
    }


def _arm_content(arm: ArmProfile) -> dict[str, Any]:
    known = {} if arm.shoulder_from_head_m is None else {"shoulder_from_head_mm": _mm(arm.shoulder_from_head_m)}
    return {"length_mm": _mm(arm.length_m), "residual_mm": _mm(arm.residual_m), **known}


def _residual_content(residual: FingerResidual) -> dict[str, Any]:
    content = {"tip_mm": _mm(residual.tip_m), "tip_before_mm": _mm(residual.tip_before_m)}
    if residual.pinch_m is not None and residual.pinch_before_m is not None:
        content |= {"pinch_mm": _mm(residual.pinch_m), "pinch_before_mm": _mm(residual.pinch_before_m)}
    return content


def _mm(value_m: Any) -> Any:
    """Millimetres with two decimals: a person reads this file."""
    return np.round(1000.0 * np.asarray(value_m), 2).tolist()
