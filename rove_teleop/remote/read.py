"""A pushed episode read where it is: an array is one request, an image a part of one; nothing is kept on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.read import Episode, episode_attributes
from ..episodes.record.journal import crc32c
from ..errors import DatasetInvalid
from .commit import ROOT_METADATA, Commit
from .push import check_remote, contents_there, remote_commit
from .store import ObjectStore


class RemoteEpisode(Episode):
    """An episode in a store, used like one on disk: each array is fetched when it is first asked for, and checked.

    ``jpeg`` fetches one image. Asking for ``cameras/<name>/jpeg`` fetches all images of that camera.
    """

    def __init__(self, store: ObjectStore, commit: Commit, attributes: dict[str, Any]) -> None:
        # The path names the place in messages; no file is there.
        super().__init__(Path(commit.folder), attributes)
        self._store, self._commit = store, commit
        self._arrays: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            array = self._fetch(name)
            if crc32c(array.reshape(-1).view(np.uint8)) != self.attributes["crc32c"][name]:
                raise DatasetInvalid(f"{self._store.url}: {name} of episode {self.id} does not match its checksum")
            array.flags.writeable = False
            self._arrays[name] = array
        return self._arrays[name]

    def jpeg(self, camera: str, index: int) -> bytes:
        """The bytes of one camera image, as the camera sent them: one request of its length."""
        data = super().jpeg(camera, index)
        if crc32c(data) != int(self[f"cameras/{camera}/jpeg_crc32c"][index]):
            raise DatasetInvalid(f"{self._store.url}: image {index} of camera '{camera}' of {self.id} is damaged")
        return data

    def image_bytes(self, camera: str, start: int, length: int) -> bytes:
        """A part of what a camera's images are stored in: one request."""
        return self._store.get_range(self._key(f"cameras/{camera}/{self.codec(camera)}", 1), start, length)

    def _fetch(self, name: str) -> NDArray[Any]:
        stored = self._commit.arrays[name]
        dtype = np.dtype(stored.dtype)
        size = int(np.prod(stored.shape)) * dtype.itemsize
        # A pack is longer than its array: its index follows.
        data = self._store.get_range(self._key(name, len(stored.shape)), 0, size) if size else b""
        if len(data) != size:
            raise DatasetInvalid(f"{self._store.url}: {name} of {self.id} has {len(data)} bytes, {size} are expected")
        return np.frombuffer(bytearray(data), dtype).reshape(stored.shape)

    def _key(self, name: str, dimensions: int) -> str:
        return "/".join([self._commit.folder, name, "c", *["0"] * dimensions])


def open_remote(url: str, episode_id: str) -> RemoteEpisode:
    """Open an episode of the dataset that was pushed to ``url``: two requests.

    Raises:
        DatasetInvalid: there is no such episode, or it is damaged or of a newer format.
        RemoteUnavailable: the store is away or refuses.
    """
    store = ObjectStore(url)
    commit = remote_commit(store, episode_id)
    try:
        metadata = json.loads(store.get(f"{commit.folder}/{ROOT_METADATA}"))
    except ValueError as error:
        raise DatasetInvalid(f"{url}: the metadata of episode {episode_id} is damaged") from error
    return RemoteEpisode(store, commit, episode_attributes(metadata, Path(commit.folder)))


def list_remote(url: str) -> list[str]:
    """Ids of the episodes that were pushed to ``url``, in the order they were recorded.

    Raises:
        DatasetInvalid: no dataset there.
        RemoteUnavailable: the store is away or refuses.
    """
    store = ObjectStore(url)
    check_remote(store)
    return list(contents_there(store))
