"""What a run was started with: written before anything is trained, and compared when it is started again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..episodes.durability import write_durable_json
from ..errors import DatasetInvalid, UsageError
from ..training.presets import Preset
from .training_data import TrainingData

FORMAT = 1
RESULTS = ("critic.safetensors", "labels.npz", "policy.safetensors", "state")
"""A run that has none of these did not get anywhere, and may be started again with anything."""
NOT_COMPARED = ("datasets", "initial", "software_version")


def run_config(data: TrainingData, method: str, preset: Preset, seed: int, initial: Path | None) -> dict[str, Any]:
    """Everything that shapes the result, as plain JSON."""
    config = {
        "format": FORMAT,
        "method": method,
        "preset": asdict(preset),
        "seed": seed,
        "data_revision": data.revision,
        "datasets": data.revisions,
        "initial": "" if initial is None else str(initial),
        "initial_sha256": "" if initial is None else file_sha256(initial),
        "task": data.task,
        "robot": data.robot,
        "joint_names": data.joint_names,
        "feature_names": data.feature_names,
        "eyes": dict(data.eyes),
        "step_s": data.step_s,
        "horizon": data.horizon,
        "software_version": __version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(config))
    return plain


def begin_run(out: Path, config: Mapping[str, Any]) -> None:
    """Make the folder of a run, or go on in it.

    Raises:
        UsageError: the folder holds something else, or a run that was started with other arguments or of other data.
        DatasetInvalid: it cannot be written.
    """
    path = out / "config.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        started = any((out / name).exists() for name in RESULTS)
        if not path.exists() and any(item.name != "lock" for item in out.iterdir()):
            raise UsageError(f"{out}: is not empty and not a run of rove train; choose another folder")
        if path.exists() and started:
            _must_match(out, _read(path), config)
        else:
            write_durable_json(path, dict(config))
    except OSError as error:
        raise DatasetInvalid(f"{out}: a run cannot be written here ({error.strerror or error})") from error


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold a run's folder against a second process.

    Raises:
        UsageError: another process trains there.
        DatasetInvalid: it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / "lock").open("a", encoding="utf-8")
    except OSError as error:
        raise DatasetInvalid(f"{out}: a run cannot be written here ({error.strerror or error})") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{out}: another process is training this run") from error
        yield


def file_sha256(path: Path) -> str:
    """Of a file's bytes.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error


def _must_match(out: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if known.get("data_revision") != wanted["data_revision"] and known.get("method") == wanted["method"]:
        raise UsageError(
            f"{out}: was trained on data of revision {known.get('data_revision')}, which is {wanted['data_revision']} "
            "by now (episodes or edits changed); choose another folder for a new run"
        )
    for key, value in wanted.items():
        if key not in NOT_COMPARED and known.get(key) != value:
            raise UsageError(f"{out}: is a run with another {_difference(key, known.get(key), value)}; choose another")


def _difference(key: str, known: Any, wanted: Any) -> str:
    """Down to the one value that differs: a preset has many."""
    while isinstance(known, dict) and isinstance(wanted, dict):
        part = next((name for name in wanted if known.get(name) != wanted[name]), None)
        if part is None:
            break
        key, known, wanted = f"{key}.{part}", known.get(part), wanted[part]
    return f"{key} ({known}, not {wanted})"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DatasetInvalid(f"{path}: is not the config of a run of this version")
    return content
