"""What makes scores alarms: thresholds for one policy and the promise they keep; a JSON file, networks beside it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import CheckpointInvalid, DatasetInvalid, UsageError
from .combination import MODES, Combination, Surprise
from .conformal import Threshold
from .detectors import build_detectors
from .monitor import FailureMonitor

FORMAT = 2


@dataclass(frozen=True)
class Calibration:
    """Thresholds by detector or combination, valid for the policy whose hash is ``policy`` at ``task``.

    ``alpha`` is the promised rate of false alarms per successful episode, of each threshold by itself, from
    ``successes`` successful episodes. ``decides`` is the combination (or detector) whose alarm is shown to people;
    ``calm`` are levels that half of the successful episodes never exceed. ``tensors`` are the detectors' networks.
    """

    policy: str
    task: str
    alpha: float
    time_varying: bool
    episodes: int
    successes: int
    decides: str
    thresholds: dict[str, Threshold]
    combinations: dict[str, Combination]
    calm: dict[str, float]
    tensors: dict[str, NDArray[np.float32]] = field(repr=False)
    provenance: dict[str, str] = field(default_factory=dict)

    def monitor(self) -> FailureMonitor:
        """A monitor with these thresholds."""
        return FailureMonitor(
            build_detectors(self.tensors), self.thresholds, self.combinations, self.decides, self.calm
        )


def check_calibration_path(path: Path) -> None:
    """Refuse, before anything is computed, a file that cannot be written or whose networks would replace another's.

    Raises:
        UsageError: ``NAME.safetensors`` is the file itself or not a calibration's, or there can be no such folder.
    """
    networks = path.with_suffix(".safetensors")
    if networks == path or (networks.exists() and not path.exists()):
        raise UsageError(f"--out {path}: its networks would be written over {networks}; choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be written ({error.strerror or error})") from error


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write ``path`` (JSON) and the networks beside it (the same name, ``.safetensors``), by rename.

    Raises:
        DatasetInvalid: it cannot be written.
    """
    data = save({key: np.ascontiguousarray(value) for key, value in sorted(calibration.tensors.items())})
    document = {"format": FORMAT, **asdict(calibration), "networks_sha256": hashlib.sha256(data).hexdigest()}
    del document["tensors"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path.with_suffix(".safetensors"), data)
        _write(path, json.dumps(document, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise DatasetInvalid(f"{path}: the calibration cannot be written ({error.strerror or error})") from error


def load_calibration(path: Path) -> Calibration:
    """Read and check a calibration.

    Raises:
        CheckpointInvalid: unreadable, of another format, networks of another calibration, or nonsense in it.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        data = path.with_suffix(".safetensors").read_bytes()
        found = document.pop("format")
        if found != FORMAT:
            raise CheckpointInvalid(f"{path}: has format {found}, this version reads format {FORMAT}")
        if document.pop("networks_sha256") != hashlib.sha256(data).hexdigest():
            raise CheckpointInvalid(f"{path}: the networks in {path.stem}.safetensors are not those it was made with")
        calibration = _read(document, load(data))
        calibration.monitor()
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointInvalid(f"{path}: is not a calibration of failure detectors ({error!r})") from error
    return calibration


def _read(document: dict[str, Any], tensors: dict[str, NDArray[np.float32]]) -> Calibration:
    thresholds = {name: Threshold(**_tuples(item)) for name, item in document.pop("thresholds").items()}
    combinations = {name: _combination(name, item) for name, item in document.pop("combinations").items()}
    for name, rule in thresholds.items():
        values = (rule.level, *rule.stamp_s, *rule.centre, *rule.width)
        if not np.isfinite(values).all() or not len(rule.stamp_s) == len(rule.centre) == len(rule.width) > 0:
            raise ValueError(f"the threshold of '{name}' is not finite or not complete")
    return Calibration(thresholds=thresholds, combinations=combinations, tensors=tensors, **document)


def _combination(name: str, item: dict[str, Any]) -> Combination:
    surprises = tuple(Surprise(**_tuples(part)) for part in item["surprise"])
    if item["mode"] not in MODES or not len(surprises) == len(item["members"]) > 0:
        raise ValueError(f"the combination '{name}' has mode '{item['mode']}' or is not complete")
    for part in surprises:
        lines = np.array([part.score, part.surprise])
        if not np.isfinite(lines).all() or (np.diff(lines, axis=1) <= 0.0).any() or not part.spread > 0.0:
            raise ValueError(f"the combination '{name}' has surprises that are not finite or do not rise")
    return Combination(item["mode"], tuple(item["members"]), surprises)


def _tuples(item: dict[str, Any]) -> dict[str, Any]:
    """As the frozen values have it: JSON knows lists only."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)
