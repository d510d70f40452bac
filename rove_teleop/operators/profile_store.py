"""The profiles of operators on disk: one small JSON file per name, written whole, refused by line when damaged."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from ..config import Section, load_yaml
from ..errors import ConfigInvalid, UsageError
from ..retargeting.arm_size import LENGTH_RANGE_M
from ..retargeting.calibration import FINGERS, FingerResidual, HandSize, implausible
from ..types import SIDES, Array, Side
from .profiles import VERSION, ArmProfile, OperatorProfile, checked_name, content_of

LARGEST_FILE = 64 * 1024
FAR_MM = 1000.0


def config_folder() -> Path:
    """``$ROVE_CONFIG_DIR``, else ``$XDG_CONFIG_HOME/rove_teleop``, else ``~/.config/rove_teleop``."""
    own = os.environ.get("ROVE_CONFIG_DIR")
    return Path(own) if own else Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rove_teleop"


def profile_path(name: str) -> Path:
    """Where the profile of an operator is, whether there is one or not."""
    return config_folder() / "operators" / f"{checked_name(name)}.json"


def profile_names() -> list[str]:
    """The operators that have a profile."""
    return sorted(path.stem for path in (config_folder() / "operators").glob("*.json"))


def save_profile(profile: OperatorProfile) -> Path:
    """Write or replace the file of this operator: the old one or the new one, never half of it.

    Raises:
        UsageError: the folder cannot be written.
    """
    path = profile_path(profile.name)
    text = json.dumps(content_of(profile), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
    return path


def load_profile(name: str) -> OperatorProfile | None:
    """What is remembered of an operator; None when nothing is.

    Raises:
        UsageError: not a name.
        ConfigInvalid: the file is damaged; the message starts with ``file:line:``.
    """
    path = profile_path(name)
    if not path.exists():
        return None
    section = _open(path)
    if (version := int(section.number("version"))) != VERSION:
        raise section.error("version", f"is {version}, this program reads {VERSION}")
    hands, arms, residuals = section.section("hands"), section.section("arms"), section.section("residuals")
    sizes, spread_m = {}, {}
    for side in SIDES:
        if side in hands:
            sizes[side], spread_m[side] = _read_hand(hands, side)
    profile = OperatorProfile(
        name=section.text("name"),
        device=section.text("device"),
        made=section.text("made"),
        robot=section.text("robot"),
        sizes=sizes,
        spread_m=spread_m,
        arms={side: _read_arm(arms.section(side)) for side in SIDES if side in arms},
        residuals={side: _read_residuals(residuals.section(side)) for side in SIDES if side in residuals},
        notes=tuple(section.texts("notes")) if "notes" in section else (),
    )
    for part in (hands, arms, residuals, section):
        part.done()
    return profile


def calibration_hint(name: str, device: str, profile: OperatorProfile | None) -> str:
    """One sentence about a calibration that is missing or from another device; empty when there is nothing to say."""
    again = f"rove calibrate {name or 'NAME'} --operator {device}"
    if not name:
        return f"the size of the operator's hands is taken from the first frames; better: {again}, then --operator-name"
    if profile is None:
        return f"{name} has not been calibrated: the size of the hands is taken from the first frames; better: {again}"
    if profile.device.partition(":")[0] != device.partition(":")[0]:
        return f"{name} was calibrated with {profile.device}, not with {device}: {again} would fit better"
    return ""


def _open(path: Path) -> Section:
    """The file as a section: JSON is YAML, whose nodes know their lines."""
    try:
        content = path.read_bytes()
        if len(content) > LARGEST_FILE:
            raise ConfigInvalid(f"{path}:1: is {len(content)} bytes long, which is no profile of an operator")
        json.loads(content)
    except OSError as error:
        raise ConfigInvalid(f"{path}:1: cannot be read ({error.strerror or error})") from error
    except json.JSONDecodeError as error:
        raise ConfigInvalid(
            f"{path}:{error.lineno}: is damaged ({error.msg}): calibrate again, or delete it"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigInvalid(f"{path}:1: is damaged, it is not JSON: calibrate again, or delete it") from error
    return load_yaml(path)


def _read_hand(hands: Section, side: Side) -> tuple[HandSize, Array]:
    section = hands.section(side)
    count = len(FINGERS)
    finger_mm = section.numbers("finger_mm", count)
    touch_mm = section.numbers("touch_mm", count - 1)
    spread_mm = section.numbers("spread_mm", count, 0.0, FAR_MM)
    section.done()
    size = HandSize(np.array(finger_mm) / 1000.0, np.array(touch_mm) / 1000.0)
    if (problem := implausible(size)) is not None:
        raise hands.error(side, f"is no hand: {problem}")
    return size, np.array(spread_mm) / 1000.0


def _read_arm(section: Section) -> ArmProfile:
    low, high = LENGTH_RANGE_M
    length_mm = section.number("length_mm", 1000.0 * low, 1000.0 * high)
    residual_mm = section.number("residual_mm", 0.0, FAR_MM)
    shoulder_m = None
    if "shoulder_from_head_mm" in section:
        shoulder_m = np.array(section.numbers("shoulder_from_head_mm", 3, -FAR_MM, FAR_MM)) / 1000.0
    section.done()
    return ArmProfile(length_mm / 1000.0, residual_mm / 1000.0, shoulder_m)


def _read_residuals(section: Section) -> dict[str, FingerResidual]:
    found = {}
    for finger in section.keys():
        if finger not in FINGERS:
            raise section.error(finger, f"is not one of {', '.join(FINGERS)}")
        entry = section.section(finger)
        values = {key: entry.number(f"{key}_mm", 0.0, FAR_MM) / 1000.0 for key in _KEYS if f"{key}_mm" in entry}
        if not {"tip", "tip_before"} <= values.keys():
            raise section.error(finger, "needs tip_mm and tip_before_mm")
        entry.done()
        found[finger] = FingerResidual(
            values["tip"], values["tip_before"], values.get("pinch"), values.get("pinch_before")
        )
    return found


_KEYS = ("tip", "tip_before", "pinch", "pinch_before")
