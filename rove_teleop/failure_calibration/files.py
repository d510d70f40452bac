"""Which calibration belongs to which policy: named by the hash of the policy, beside its checkpoint or the dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import CheckpointInvalid
from ..failure.calibration import Calibration, load_calibration

FOLDER = "calibration"
SHIPPED = Path(__file__).parents[1] / "policy" / "checkpoints"


def policy_hash(policy: str) -> str:
    """16 hex digits: of a checkpoint's bytes, or of the address of a policy that runs elsewhere."""
    path = Path(policy)
    data = path.read_bytes() if path.is_file() else policy.encode()
    return hashlib.sha256(data).hexdigest()[:16]


def file_hash(path: Path) -> str:
    """16 hex digits of a file's bytes; a calibration's JSON holds the hash of its networks."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def calibration_path(folder: Path, policy: str) -> Path:
    """Where the calibration of ``policy`` is kept in a dataset's or a checkpoint's folder."""
    return folder / FOLDER / f"{policy_hash(policy)}.json"


def find_calibration(policy: str, dataset: Path) -> Path | None:
    """The calibration of this very version of ``policy``: in the dataset, or beside the checkpoint; None for none."""
    places = [calibration_path(dataset, policy)]
    if Path(policy).is_file():
        places.append(calibration_path(Path(policy).parent, policy))
    return next((path for path in places if path.is_file()), None)


def load_calibration_of(path: Path, policy: str) -> Calibration:
    """Read a calibration that must be of ``policy``.

    Raises:
        CheckpointInvalid: it cannot be read, or it was made for another version, so that it promises nothing.
    """
    calibration = load_calibration(path)
    found = policy_hash(policy)
    if calibration.policy != found:
        raise CheckpointInvalid(
            f"{path}: was made for the policy with hash {calibration.policy}, but {policy} has {found}: "
            "calibrate again (rove failure calibrate)"
        )
    return calibration


def policy_text(checkpoint: str, task: str) -> str:
    """What a session's policy is called here: the checkpoint or address that was given, or the shipped file."""
    return checkpoint or str(SHIPPED / f"{task}.safetensors")


def session_calibration(given: str, checkpoint: str, task: str, dataset: Path) -> Path | None:
    """The calibration that a session uses: the one that was ``given``, or the one that belongs to its policy.

    Raises:
        CheckpointInvalid: it cannot be read, or is for another version of the policy.
    """
    policy = policy_text(checkpoint, task)
    path = Path(given) if given else find_calibration(policy, dataset)
    if path is not None:
        load_calibration_of(path, policy)
    return path
