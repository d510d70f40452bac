"""A dataset of ours as a LeRobotDataset v3.0 that appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import rove_teleop

from ..errors import UsageError
from .frames import Choice, Frames, Progress, chosen_frames, silent
from .lerobot_layout import SOURCE_PATH
from .lerobot_writer import Codec, LeRobotWriter
from .new_folder import new_folder

_TOLD = ("task", "instruction", "operator", "operator_device", "policy_id", "robot", "status", "control_hz")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written; ``sources``: our episodes behind it."""

    episodes: int
    frames: int
    sources: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def export_dataset(
    root: Path,
    out: Path,
    choice: Choice,
    *,
    codec: Codec = "h264",
    split_at_cuts: bool = False,
    progress: Progress = silent,
) -> ExportReport:
    """Write the chosen frames of the dataset ``root`` into the new folder ``out``.

    One episode of ours is one of theirs, with what was left out missing from it and ``segment`` counting the cuts:
    its outcome belongs to the whole attempt. With ``split_at_cuts`` each stretch without a cut becomes an episode,
    for trainers that cut windows without looking at ``segment``.

    Raises:
        UsageError: ``out`` exists, nothing fits the choice, or a rate above the control rate.
        DatasetInvalid: not a dataset, a damaged episode, or episodes that are unlike each other.
    """
    with new_folder(out) as folder:
        writer = LeRobotWriter(folder, choice.fps, codec)
        sources: list[dict[str, Any]] = []
        for frames in chosen_frames(root, choice, progress):
            first = writer.episodes
            for part in _segments(frames) if split_at_cuts else [frames]:
                writer.add(part)
            sources.append(_source(frames, first, writer.episodes))
        if not sources:
            raise UsageError(f"{root}: no episode of it fits what was asked for (split, outcomes, phases)")
        writer.finish()
        told = {"software": f"rove_teleop {rove_teleop.__version__}", "episodes": sources}
        (folder / SOURCE_PATH).write_text(json.dumps(told, indent=1), encoding="utf-8")
    return ExportReport(writer.episodes, writer.frames, len(sources))


def _segments(frames: Frames) -> Iterator[Frames]:
    for number in np.unique(frames.segment).tolist():
        at = frames.segment == number
        image = {camera: index[at] for camera, index in frames.image.items()}
        yield replace(frames, row=frames.row[at], segment=frames.segment[at], image=image)


def _source(frames: Frames, first: int, end: int) -> dict[str, Any]:
    """Where exported episodes ``first`` to ``end`` (without it) come from."""
    attributes = frames.episode.attributes
    told = {key: attributes.get(key) for key in _TOLD}
    labels = {"outcome": frames.labels.outcome, "revision": frames.labels.revision}
    return {"episodes": [first, end], "id": frames.episode.id, **labels, **told}
