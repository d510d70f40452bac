"""From a chosen path to the live one: what would change is shown first, and nothing is ever loosened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..config import load_yaml
from ..control.path_config import PathConfig, load_path_config
from ..errors import ConfigInvalid, UsageError

KEPT_SUFFIX = ".before"


@dataclass(frozen=True, slots=True)
class Promotion:
    """A path that may become live: ``changes`` are (key, old, new); ``document`` is what will be written."""

    target: Path
    old: PathConfig
    new: PathConfig
    changes: tuple[tuple[str, Any, Any], ...]
    document: dict[str, Any]

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the new path comes from; empty when the file does not say."""
        known: dict[str, Any] = self.document.get("provenance") or {}
        return known


def prepare(chosen: Path, target: Path, robot_name: str | None = None) -> Promotion:
    """What promoting the file ``chosen`` to ``target`` would do. No file at ``target`` means the defaults are live.

    Raises:
        ConfigInvalid: one of the files is not a path; the message starts with ``file:line:``.
        UsageError: the path is looser than the live one, or was chosen for another robot.
    """
    new = load_path_config(chosen)
    old = load_path_config(target) if target.exists() else PathConfig()
    document = _document(chosen, new)
    meant = (document.get("provenance") or {}).get("robot")
    if robot_name is not None and meant not in (None, robot_name):
        raise UsageError(f"{chosen}: was chosen for the robot {meant}, not for {robot_name}")
    looser = new.looser_than(old)
    if looser:
        name = looser[0]
        raise UsageError(
            f"{chosen}: {name} is {getattr(new, name):g}, above the live {getattr(old, name):g}: "
            f"the lab never loosens limits; edit {target} by hand if that is meant"
        )
    before, after = flat(old.as_dict()), flat(new.as_dict())
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    changes = tuple((key, before.get(key), after.get(key)) for key in keys)
    return Promotion(target, old, new, changes, document)


def write(promotion: Promotion) -> Path | None:
    """Make the new path live; the file that was live is kept beside it, and its place is returned.

    Raises:
        UsageError: the file cannot be written.
    """
    target = promotion.target
    kept = target.with_name(target.name + KEPT_SUFFIX) if target.exists() else None
    fresh = target.with_name(target.name + ".new")
    try:
        fresh.write_text(to_yaml(promotion.document), encoding="utf-8")
        if kept is not None:
            kept.write_bytes(target.read_bytes())
        os.replace(fresh, target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror or error})") from error
    return kept


def to_yaml(document: Mapping[str, Any]) -> str:
    """A path, and where it comes from, as text for people and for ``load_path_config``."""
    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=100)
    return "# How targets become commands; read when control starts. rove lab promote writes this file.\n" + text


def flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        result.update(flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value})
    return result


def _document(chosen: Path, new: PathConfig) -> dict[str, Any]:
    load_yaml(chosen)  # complains with file and line
    whole = yaml.safe_load(chosen.read_text(encoding="utf-8"))
    if not isinstance(whole, dict):
        raise ConfigInvalid(f"{chosen}:1: must be a mapping at the top level")
    provenance = whole.get("provenance")
    return {**new.as_dict(), **({"provenance": provenance} if isinstance(provenance, dict) else {})}
