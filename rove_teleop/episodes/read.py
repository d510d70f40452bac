"""Reading sealed episodes without a library in between: every array is a memory map of its one chunk."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from ..types import Event, Phase
from .attributes import attributes_crc32c
from .camera_layout import CODECS
from .layout import FORMAT, FORMAT_VERSION
from .zarr_files import chunk_path


class Episode(Mapping[str, NDArray[Any]]):
    """One sealed episode: ``episode["control/q_sent_rad"]`` is a read-only array; ``attributes`` says what it is."""

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attributes = attributes

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.attributes["crc32c"]:
            raise KeyError(name)
        return _open_array(self.path / name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes["crc32c"])

    def __len__(self) -> int:
        return len(self.attributes["crc32c"])

    @property
    def id(self) -> str:
        return str(self.attributes["id"])

    @property
    def cameras(self) -> list[str]:
        return list(self.attributes["frames"])

    def codec(self, camera: str) -> str:
        """How a camera's images are stored: jpeg or h264.

        Raises:
            DatasetInvalid: the episode has no such camera.
        """
        for codec in CODECS:
            if f"cameras/{camera}/{codec}" in self.attributes["crc32c"]:
                return codec
        known = ", ".join(self.cameras) or "none"
        raise DatasetInvalid(f"{self.path.name}: has no camera '{camera}' (it has: {known})")

    def jpeg(self, camera: str, index: int) -> bytes:
        """The bytes of one camera image, as the camera sent them.

        Raises:
            DatasetInvalid: the camera was recorded as H.264, or the episode has no such camera.
        """
        if self.codec(camera) != "jpeg":
            raise DatasetInvalid(
                f"{self.path.name}: camera '{camera}' was recorded as H.264, there is no JPEG: use image"
            )
        offset = int(self[f"cameras/{camera}/offset"][index])
        length = int(self[f"cameras/{camera}/length"][index])
        return self.image_bytes(camera, offset, length)

    def image(self, camera: str, index: int) -> NDArray[np.uint8]:
        """One camera image as RGB pixels (h, w, 3), whatever its codec; ``camera_images.CameraImages`` reads many.

        Raises:
            DatasetInvalid: damaged, or the episode has no such camera.
            MissingDependency: H.264 without PyAV.
        """
        # Decoders are not needed by those who read numbers.
        from .camera_images import CameraImages

        return CameraImages(self, camera).image(index)

    def image_bytes(self, camera: str, start: int, length: int) -> bytes:
        """A part of what a camera's images are stored in."""
        return self[f"cameras/{camera}/{self.codec(camera)}"][start : start + length].tobytes()

    def events(self) -> list[Event]:
        """Everything that happened once, in order."""
        times, kinds, details = (self[f"events/{name}"] for name in ("time_s", "kind", "detail"))
        return [Event(float(t), _text(k), _text(d)) for t, k, d in zip(times, kinds, details, strict=True)]


def open_episode(path: Path) -> Episode:
    """Open a sealed episode.

    Raises:
        DatasetInvalid: not an episode of ours, damaged attributes, or a newer format.
    """
    return Episode(path, episode_attributes(_read_json(path / "zarr.json"), path))


def open_named(path: Path) -> Episode:
    """Open a sealed episode of a dataset, where an episode is found by its name.

    Raises:
        DatasetInvalid: as ``open_episode``, or it is another episode than its name says.
    """
    episode = open_episode(path)
    if f"{episode.id}.zarr" != path.name:
        raise DatasetInvalid(f"{path}: is episode {episode.id} under another name")
    return episode


def episode_attributes(metadata: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The attributes in the Zarr metadata of an episode's group; ``path`` names it in messages.

    Raises:
        DatasetInvalid: as ``open_episode``.
    """
    if (metadata.get("zarr_format"), metadata.get("node_type")) != (3, "group"):
        raise DatasetInvalid(f"{path}: is not a Zarr v3 group")
    attributes = metadata.get("attributes", {})
    if not isinstance(attributes, dict) or attributes.get("format") != FORMAT:
        raise DatasetInvalid(f"{path}: is a Zarr group, but not an episode of this software")
    version = attributes.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise DatasetInvalid(f"{path}: has format version {version}, this software reads up to {FORMAT_VERSION}")
    if attributes_crc32c(attributes) != attributes.get("attributes_crc32c"):
        raise DatasetInvalid(f"{path}: the attributes do not match their checksum")
    if not isinstance(attributes.get("crc32c"), dict) or not isinstance(attributes.get("frames"), dict):
        raise DatasetInvalid(f"{path}: does not list its arrays, so it is damaged")
    return attributes


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """Counts over episodes: by outcome and status, and the share of control ticks per phase."""

    episodes: int
    outcomes: dict[str, int]
    statuses: dict[str, int]
    rows: int
    ticks_lost: int
    frames: int
    frames_lost: int
    phase_share: dict[str, float]


def statistics(episodes: Iterable[Episode]) -> DatasetStatistics:
    """Add up what the episodes say; a phase of ``control/phase`` that is not in ``Phase`` counts as unlabelled."""
    listed = list(episodes)
    phases: Counter[str] = Counter()
    for episode in listed:
        values, counts = np.unique(episode["control/phase"], return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            phases[(Phase(value) if value in set(Phase) else Phase.UNLABELLED).name.lower()] += count
    total = sum(phases.values())
    return DatasetStatistics(
        episodes=len(listed),
        outcomes=dict(Counter(episode.attributes["outcome"] for episode in listed)),
        statuses=dict(Counter(episode.attributes["status"] for episode in listed)),
        rows=sum(episode.attributes["rows"] for episode in listed),
        ticks_lost=sum(episode.attributes["ticks_lost"] for episode in listed),
        frames=sum(sum(episode.attributes["frames"].values()) for episode in listed),
        frames_lost=sum(sum(episode.attributes["frames_lost"].values()) for episode in listed),
        phase_share={name: count / total for name, count in phases.items()},
    )


def _open_array(path: Path) -> NDArray[Any]:
    info = _read_json(path / "zarr.json")
    try:
        shape = tuple(int(size) for size in info["shape"])
        dtype = np.dtype(info["data_type"]).newbyteorder("<")
        sharded = info["codecs"][0]["name"] == "sharding_indexed"
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DatasetInvalid(f"{path}: is not an array of this software ({error})") from error
    if 0 in shape:
        return np.zeros(shape, dtype)
    chunk = chunk_path(path, len(shape))
    expected = int(np.prod(shape)) * dtype.itemsize
    size = chunk.stat().st_size if chunk.exists() else 0
    if size < expected or (size > expected and not sharded):
        raise DatasetInvalid(f"{chunk}: has {size} bytes, {expected} are expected")
    return np.memmap(chunk, dtype, mode="r", shape=shape)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise DatasetInvalid(f"{path}: is not a Zarr metadata file")
    return value


def _text(row: NDArray[np.uint8]) -> str:
    return row.tobytes().rstrip(b"\0").decode()
