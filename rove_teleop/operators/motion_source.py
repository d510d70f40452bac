"""A recorded person from wherever they were recorded: a motion file, or what the operator did in a sealed episode."""

from __future__ import annotations

from pathlib import Path

from ..episodes.layout import TRACKING_FIELDS
from ..episodes.read import open_episode
from ..errors import MotionFileInvalid
from ..tracking.motion_file import Motion, load_motion
from ..tracking.readers import rove

__all__ = ["Motion", "open_motion"]


def open_motion(path: str | Path, scale_m: float | None = None) -> Motion:
    """A motion file (see ``load_motion``), or a sealed episode: every frame of its operator, as received.

    Raises:
        MotionFileInvalid: the file is refused, the folder is no episode, or nobody was tracked in it.
        DatasetInvalid: an episode that is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        return load_motion(path, scale_m)
    if not (path / "zarr.json").is_file():
        hint = "a dataset; name one of its episodes" if (path / "dataset.json").is_file() else "no sealed episode"
        raise MotionFileInvalid(f"{path}: this folder is {hint} (DATASET/episodes/ID.zarr)")
    episode = open_episode(path)
    arrays = {field.name: episode[name] for field in TRACKING_FIELDS if (name := f"tracking/{field.name}") in episode}
    return rove.motion_of(path, rove.unpack_frames(path, arrays))
