"""The replay buffer of diffusion_policy as it is found: a Zarr folder, or one in a zip file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import zarr
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from .diffusion_policy_export import SOFTWARE

_JPEG_QUALITY = 95


class BufferSource:
    """``columns``: names of the arrays below ``data/``; ``cameras``: those of them that are images (t, h, w, 3).

    Raises:
        DatasetInvalid: not a replay buffer, or arrays and ``meta/episode_ends`` that do not fit each other.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._readable("the buffer"):
            store: Any = zarr.storage.ZipStore(path, mode="r") if path.suffix == ".zip" else path
            group = zarr.open_group(store, mode="r")
            self._data: dict[str, zarr.Array[Any]] = dict(group["data"].arrays())  # type: ignore[union-attr]
            meta: dict[str, Any] = dict(group["meta"].arrays())  # type: ignore[union-attr]
            self.meta_attributes: dict[str, Any] = dict(group["meta"].attrs)
            self._ends = np.asarray(meta["episode_ends"][:])
            self._outcome = np.asarray(meta["outcome"][:]) if "outcome" in meta else None
        self.columns = sorted(self._data)
        self.cameras = [name for name in self.columns if self._data[name].ndim == 4 and self._data[name].shape[3] == 3]
        self._check()

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def is_ours(self) -> bool:
        """Whether we wrote it, so that columns of our names mean what we mean."""
        return str(self.meta_attributes.get("software", "")).startswith(SOFTWARE)

    def names(self, column: str) -> list[str] | None:
        """The names of a column's numbers, where the buffer says them."""
        names = self._data[column].attrs.get("names")
        return [str(name) for name in names] if isinstance(names, list) else None

    def width(self, column: str) -> int:
        """How many numbers a frame of this column has.

        Raises:
            DatasetInvalid: no such column, or one that is not a list of numbers per frame.
        """
        if column not in self._data:
            raise DatasetInvalid(f"{self.path}: has no data/{column}, it has {', '.join(self.columns)}")
        if self._data[column].ndim != 2:
            raise DatasetInvalid(f"{self.path}: data/{column} has {self._data[column].ndim} axes instead of 2")
        return int(self._data[column].shape[1])

    def read(self, column: str, episode: int) -> NDArray[Any]:
        """The rows of one episode."""
        with self._readable(f"data/{column}"):
            return np.asarray(self._data[column][self._rows(episode)])

    def images(self, camera: str, episode: int) -> Iterator[bytes]:
        """Every image of one episode, encoded once as JPEG.

        Raises:
            DatasetInvalid: numbers that are no pixels of 0 to 255.
        """
        rows = self._rows(episode)
        for row in range(rows.start, rows.stop):
            with self._readable(f"data/{camera}"):
                image = np.asarray(self._data[camera][row])
            pixels = np.ascontiguousarray(image.astype(np.uint8))
            if not np.array_equal(pixels, image):
                raise DatasetInvalid(f"{self.path}: data/{camera} holds other numbers than whole ones from 0 to 255")
            yield simplejpeg.encode_jpeg(pixels, quality=_JPEG_QUALITY, colorsubsampling="444")

    def outcome(self, episode: int) -> str:
        """As our export says it; else unknown."""
        known = self.meta_attributes.get("outcomes")
        if not self.is_ours or self._outcome is None or not isinstance(known, list):
            return "unknown"
        return str(known[int(self._outcome[episode])])

    def _rows(self, episode: int) -> slice:
        return slice(int(self._ends[episode - 1]) if episode else 0, int(self._ends[episode]))

    def _check(self) -> None:
        ends = self._ends
        if ends.ndim != 1 or ends.dtype.kind not in "iu" or not np.all(np.diff(ends.astype(np.int64), prepend=0) > 0):
            raise DatasetInvalid(f"{self.path}: meta/episode_ends does not rise, so it tells no episodes")
        for name, array in self._data.items():
            # Elsewhere a chunk that is not there may be one of zeros; ours are all written.
            if self.is_ours and array.nchunks_initialized < array.nchunks:
                raise DatasetInvalid(
                    f"{self.path}: data/{name} has {array.nchunks_initialized} of {array.nchunks} chunks"
                )
            if not len(ends) or array.shape[0] != int(ends[-1]):
                raise DatasetInvalid(
                    f"{self.path}: data/{name} has {array.shape[0]} rows, "
                    f"but meta/episode_ends stops at {int(ends[-1]) if len(ends) else 0}"
                )

    @contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DatasetInvalid(f"{self.path}: {what} cannot be read ({said})") from error
