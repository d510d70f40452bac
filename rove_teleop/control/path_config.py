"""What of the path from targets to commands is configured: frozen, checked, to and from YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from ..command_filter.limits import Limits
from ..command_filter.prefilters import KINDS, Prefilter, ranged
from ..config import Section, load_yaml
from ..errors import ConfigInvalid
from ..handover.blend import BLEND_SHARE, MIN_BLEND_S

FILE_NAME = "filter.yaml"
"""Where a robot's folder says what its live path is; no file means the defaults."""
BLEND_KINDS = ("quintic", "linear", "min_jerk")


@dataclass(frozen=True, slots=True)
class Blend:
    """How control passes at a change of driver.

    ``quintic``: the offset in position, velocity and acceleration decays as fast as ``share`` of the limits allows, in
    at least ``min_s``. ``linear`` and ``min_jerk``: a crossfade of ``fixed_s`` from where the robot was, to
    compare with.
    """

    kind: str = "quintic"
    share: float = ranged(BLEND_SHARE, 0.05, 1.0)
    min_s: float = ranged(MIN_BLEND_S, 0.02, 5.0)
    fixed_s: float = ranged(1.0, 0.02, 10.0)

    def __post_init__(self) -> None:
        if self.kind not in BLEND_KINDS:
            raise ValueError(f"blend.kind is {self.kind!r}, none of: {', '.join(BLEND_KINDS)}")
        _check_ranges(self)


@dataclass(frozen=True, slots=True)
class PathConfig:
    """One path: smoothing of both drivers' targets, a prefilter of the operator's, the blend, shares of the limits.

    Shares are of the robot's limits; none can be above 1, so no configuration allows more than the robot does.

    Raises:
        ValueError: a number is outside its range.
    """

    smoothing_rad_s: float = ranged(50.0, 1.0, 400.0)
    smoothing_damping: float = ranged(1.0, 0.5, 1.0)
    prefilter: Prefilter = None
    blend: Blend = field(default_factory=Blend)
    velocity_share: float = ranged(1.0, 0.01, 1.0)
    acceleration_share: float = ranged(1.0, 0.01, 1.0)
    jerk_share: float = ranged(1.0, 0.01, 1.0)

    def __post_init__(self) -> None:
        _check_ranges(self)
        if self.prefilter is not None:
            _check_ranges(self.prefilter)

    def limited(self, limits: Limits) -> Limits:
        """The robot's limits times the shares."""
        v, a, j = limits.dynamic
        v, a, j = self.velocity_share * v, self.acceleration_share * a, self.jerk_share * j
        return replace(limits, v_max_rad_s=v, a_max_rad_s2=a, j_max_rad_s3=j)

    def looser_than(self, other: PathConfig) -> list[str]:
        """Names of the shares that are above those of ``other``."""
        return [name for name in SHARES if getattr(self, name) > getattr(other, name)]

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``path_config_from`` reads them again."""
        prefilter = (
            {"kind": "none"} if self.prefilter is None else {"kind": self.prefilter.kind, **asdict(self.prefilter)}
        )
        return {**asdict(self), "prefilter": prefilter}


SHARES = ("velocity_share", "acceleration_share", "jerk_share")


def read_path_config(section: Section) -> PathConfig:
    """Take the keys of a path from ``section``; what is not given has its default.

    Raises:
        ConfigInvalid: a value is outside its range or a nested key unknown; the message starts with ``file:line:``.
    """
    values = _numbers(section, PathConfig)
    if "blend" in section:
        values["blend"] = _read_blend(section.section("blend"))
    if "prefilter" in section:
        values["prefilter"] = _read_prefilter(section)
    return PathConfig(**values)


def load_path_config(path: Path) -> PathConfig:
    """A file like a robot's ``filter.yaml``: the keys of a path, and ``provenance``, which is not looked at."""
    section = load_yaml(path)
    config = read_path_config(section)
    if "provenance" in section:
        section.section("provenance")
    section.done()
    return config


def live_path_config(robot_folder: Path) -> PathConfig:
    """What is live for the robot in this folder; the defaults where nothing was promoted."""
    path = robot_folder / FILE_NAME
    return load_path_config(path) if path.exists() else PathConfig()


def path_config_from(values: Mapping[str, Any], place: Path) -> PathConfig:
    """The opposite of ``as_dict``; ``place`` is named in complaints."""
    node = yaml.compose(json.dumps(values), Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise ConfigInvalid(f"{place}:1: the path's configuration must be a mapping")
    section = Section(place, node)
    config = read_path_config(section)
    section.done()
    return config


def _read_blend(section: Section) -> Blend:
    values: dict[str, Any] = _numbers(section, Blend)
    if "kind" in section:
        values["kind"] = section.text("kind")
        if values["kind"] not in BLEND_KINDS:
            raise section.error("kind", f"is {values['kind']!r}, none of: {', '.join(BLEND_KINDS)}")
    section.done()
    return Blend(**values)


def _read_prefilter(outer: Section) -> Prefilter:
    section = outer.section("prefilter")
    kind = section.text("kind")
    known = {choice.kind: choice for choice in KINDS}
    if kind not in ("none", *known):
        raise section.error("kind", f"is {kind!r}, none of: none, {', '.join(known)}")
    prefilter = None if kind == "none" else known[kind](**_numbers(section, known[kind]))
    section.done()
    return prefilter


def _numbers(section: Section, kind: type) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in fields(kind):
        if "range" in item.metadata and item.name in section:
            number = section.number(item.name, *item.metadata["range"])
            if isinstance(item.default, int):
                if number != round(number):
                    raise section.error(item.name, f"must be a whole number, got {number:g}")
                number = int(number)
            values[item.name] = number
    return values


def _check_ranges(value: Any) -> None:
    for item in fields(value):
        if "range" not in item.metadata:
            continue
        low, high = item.metadata["range"]
        if not (low <= getattr(value, item.name) <= high):
            raise ValueError(f"{item.name} is {getattr(value, item.name)}, outside {low:g} to {high:g}")
