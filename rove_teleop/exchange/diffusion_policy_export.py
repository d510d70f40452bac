"""A dataset of ours as the replay buffer of diffusion_policy: a Zarr (version 2) that appears whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rove_teleop

from ..episodes.attributes import OUTCOMES
from ..episodes.read import Episode
from ..errors import DatasetInvalid, UsageError
from .frames import Choice, Frames, Progress, chosen_frames, silent
from .images import Images
from .lerobot_columns import columns_of
from .lerobot_images import decoded, image_size
from .new_folder import new_folder
from .zarr2_files import GrowingArray, write_group

SOFTWARE = "rove_teleop"
_NAMES = {"observation.state": "state"}
_LEFT_OUT = {"segment", "outcome"}


@dataclass(frozen=True, slots=True)
class BufferReport:
    """What was written; ``sources``: our episodes behind it."""

    episodes: int
    frames: int
    sources: int

    def to_json(self) -> dict[str, int]:
        return asdict(self)


def export_buffer(root: Path, out: Path, choice: Choice, *, progress: Progress = silent) -> BufferReport:
    """Write the chosen frames of the dataset ``root`` into the new folder ``out``.

    Every stretch without a cut or a lost tick is an episode of the buffer, because its trainer cuts windows anywhere
    inside an episode. ``meta/source`` has the number of our episode behind each, ``meta/outcome`` how that ended.

    Raises:
        UsageError: ``out`` exists, nothing fits the choice, or a rate above the control rate.
        DatasetInvalid: not a dataset, a damaged episode, or episodes that are unlike each other.
    """
    with new_folder(out) as folder:
        buffer: _Buffer | None = None
        for frames in chosen_frames(root, choice, progress):
            buffer = buffer or _Buffer(folder, frames, choice.fps)
            buffer.add(frames)
        if buffer is None:
            raise UsageError(f"{root}: no episode of it fits what was asked for (split, outcomes, phases)")
        return buffer.close()


class _Buffer:
    def __init__(self, folder: Path, first: Frames, fps: int) -> None:
        self._folder = folder
        self._joints: list[str] = first.episode.attributes["joint_names"]
        self._fps = fps
        write_group(folder)
        write_group(folder / "data")
        self._columns = {name: self._array(name, values) for name, values in _columns(first).items()}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._cameras: dict[str, GrowingArray] = {}
        for camera in first.image:
            self._add_camera(camera, first.episode)
        self._ends: list[int] = []
        self._source: list[int] = []
        self._outcome: list[int] = []
        self._ids: list[str] = []

    def add(self, frames: Frames) -> None:
        """Append the frames of one of our episodes, one or more episodes of the buffer."""
        if frames.episode.attributes["joint_names"] != self._joints:
            raise DatasetInvalid(f"{frames.episode.path.name}: has other joints than the episodes before it")
        for name, values in _columns(frames).items():
            self._columns[name].append(values)
        for camera, array in self._cameras.items():
            images = Images(frames.episode, camera)
            for image in decoded(images, frames.image[camera], self._sizes[camera]):
                array.append(image[None])
        lengths = np.unique(frames.segment, return_counts=True)[1]
        begin = self._ends[-1] if self._ends else 0
        self._ends += (begin + np.cumsum(lengths)).tolist()
        self._source += [len(self._ids)] * len(lengths)
        self._outcome += [OUTCOMES.index(frames.labels.outcome)] * len(lengths)
        self._ids.append(frames.episode.id)

    def close(self) -> BufferReport:
        for array in (*self._columns.values(), *self._cameras.values()):
            array.close()
        told = {
            "fps": self._fps,
            "sources": self._ids,
            "outcomes": OUTCOMES,
            "software": f"{SOFTWARE} {rove_teleop.__version__}",
        }
        write_group(self._folder / "meta", told)
        for name, values in (
            ("episode_ends", np.array(self._ends, np.int64)),
            ("source", np.array(self._source, np.int64)),
            ("outcome", np.array(self._outcome, np.uint8)),
        ):
            array = GrowingArray(self._folder / "meta" / name, values.dtype.str, (), {})
            array.append(values)
            array.close()
        return BufferReport(len(self._ends), self._ends[-1], len(self._ids))

    def _array(self, name: str, values: NDArray[Any]) -> GrowingArray:
        told = {"names": self._joints, "unit": "rad"} if values.ndim == 2 else {}
        return GrowingArray(self._folder / "data" / name, values.dtype.str, values.shape[1:], told)

    def _add_camera(self, camera: str, episode: Episode) -> None:
        if camera in self._columns:
            raise DatasetInvalid(f"{episode.path.name}: camera '{camera}' has the name of another array of the buffer")
        self._sizes[camera] = image_size(Images(episode, camera))
        self._cameras[camera] = GrowingArray(self._folder / "data" / camera, "|u1", (*self._sizes[camera], 3), {})


def _columns(frames: Frames) -> dict[str, NDArray[Any]]:
    columns = columns_of(frames)
    return {_NAMES.get(name, name): values for name, values in columns.items() if name not in _LEFT_OUT}
