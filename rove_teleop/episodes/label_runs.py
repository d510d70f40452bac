"""Runs of derived labels: ``labels/<run>/run.json`` says what computed them, from which data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..clock import wall_time_s
from ..errors import DatasetInvalid, UsageError
from .create_once import create_once, make_folders
from .dataset import Dataset
from .edit.overlay import labels_key
from .find import checked_name
from .read import open_episode

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class LabelRun:
    """What computed the labels: its settings, the data it saw (``data_revision``), the network that it used."""

    name: str
    config: dict[str, Any]
    data_revision: str
    checkpoint_sha256: str
    created_s: float


def create_run(
    root: Path, run: str, config: Mapping[str, Any], *, data_revision: str, checkpoint_sha256: str = ""
) -> LabelRun:
    """Begin a run of labels; ``data_revision`` is what the function of this name said when the data was read.

    Raises:
        UsageError: a name that no folder can have, one that is taken, or a config that JSON cannot hold.
        DatasetInvalid: not a dataset, or it cannot be written.
    """
    folder = Dataset.open(root).root / "labels" / checked_name(run, "the name of a run")
    about = LabelRun(run, dict(config), data_revision, checkpoint_sha256, wall_time_s())
    try:
        text = json.dumps({"format_version": FORMAT_VERSION, **asdict(about)}, indent=1, allow_nan=False)
        make_folders(root, folder)
        created = create_once(folder / "run.json", text.encode())
    except (TypeError, ValueError) as error:
        raise UsageError(f"the config of run {run} must be plain JSON without NaN ({error})") from error
    except OSError as error:
        raise DatasetInvalid(f"{folder}: labels cannot be written ({error.strerror or error})") from error
    if not created:
        raise UsageError(f"{root}: there are labels of a run {run} already")
    return about


def read_run(root: Path, run: str) -> LabelRun:
    """What a run says of itself.

    Raises:
        UsageError: there is no such run.
        DatasetInvalid: its run.json is damaged, or of a newer format.
    """
    path = root / "labels" / checked_name(run, "the name of a run") / "run.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(f"format version {version}, this software reads {FORMAT_VERSION}")
        return LabelRun(**content)
    except FileNotFoundError as error:
        raise UsageError(f"{root}: there are no labels of a run {run}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error


def runs(root: Path) -> list[str]:
    """Names of the runs that left labels, sorted."""
    return sorted(path.parent.name for path in (root / "labels").glob("*/run.json"))


def data_revision(root: Path) -> str:
    """A text that names exactly these episodes with exactly these edits; it changes with either.

    An episode that is damaged, or whose edits are, counts as such: readers leave it out.

    Raises:
        DatasetInvalid: not a dataset.
    """
    digest = hashlib.sha256()
    for path in Dataset.open(root).episodes():
        try:
            episode = open_episode(path)
            crc = episode.attributes.get("attributes_crc32c")
            said = f"{episode.id} {crc} {labels_key(root, episode.id)}"
        except DatasetInvalid:
            said = f"{path.stem} damaged"
        digest.update(f"{said}\n".encode())
    return digest.hexdigest()[:16]
