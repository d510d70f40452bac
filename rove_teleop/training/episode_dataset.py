"""Windows of episodes as PyTorch sees them: a data set that hands out whole batches, and a sampler of batch numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

_Numbers = NDArray[np.int64]
Batch = dict[str, Tensor]

# Types that PyTorch stores but can hardly compute with.
_WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}


Images = NDArray[Any] | list[NDArray[Any]]
"""(n, height, width, 3) where all have the same size, else one (height, width, 3) each."""


class Batches(Protocol):
    """Which windows a batch holds, as a pure function of the epoch and the batch's number."""

    def __len__(self) -> int: ...

    def batch(self, epoch: int, number: int) -> _Numbers: ...


class WindowSource(Protocol):
    """Where windows come from: arrays by key for window numbers, and images by camera (together, or one by one)."""

    def __len__(self) -> int: ...

    def read(self, number: _Numbers) -> dict[str, NDArray[Any]]: ...

    def images(self, number: _Numbers, least: tuple[int, int] | None, as_float: bool) -> dict[str, Images]: ...

    def batches(self, batch_size: int, seed: int, rank: int, world: int) -> Batches: ...


class EpochSampler(Sampler[_Numbers]):
    """Yields the window numbers of one batch after the other. ``set_epoch`` chooses the epoch and where to begin in it.

    What it yields depends on nothing but the arguments, so a run goes on exactly where it stopped when it remembers its
    epoch and how many batches of it were used.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._epoch = self._first = 0

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """The next iteration is this epoch from ``first_batch`` on."""
        self._epoch, self._first = epoch, first_batch

    def __iter__(self) -> Iterator[_Numbers]:
        epoch = self._epoch
        for number in range(self._first, len(self._batches)):
            yield self._batches.batch(epoch, number)

    def __len__(self) -> int:
        return len(self._batches) - self._first


class WindowDataset(Dataset[Batch]):
    """Windows as tensors. ``dataset[7]`` is one window; ``dataset[[3, 1, 2]]`` a batch, read in one call.

    Images are (b, height, width, 3) uint8, or with ``image_float`` (b, 3, height, width) float32 in [0, 1], laid out
    as PyTorch's ``channels_last``.
    ``image_size`` (height, width) resizes them; without it, images of one batch must have one size.
    """

    def __init__(
        self, source: WindowSource, image_size: tuple[int, int] | None = None, image_float: bool = False
    ) -> None:
        self._source = source
        self._image_size, self._image_float = image_size, image_float

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int | Sequence[int] | _Numbers) -> Batch:
        if isinstance(number, int | np.integer):
            return {key: value[0] for key, value in self.__getitems__([int(number)]).items()}
        return self.__getitems__(number)

    def __getitems__(self, numbers: Sequence[int] | _Numbers) -> Batch:
        """A batch as tensors; negative numbers count from the end.

        Raises:
            IndexError: there is no such window.
        """
        number = np.asarray(numbers, dtype=np.int64)
        wrong = number[(number < -len(self)) | (number >= len(self))]
        if len(wrong):
            raise IndexError(f"there is no window {wrong[0]}, there are {len(self)}")
        number = np.where(number < 0, number + len(self), number)
        batch = {key: as_tensor(value) for key, value in self._source.read(number).items()}
        as_float = self._image_float and self._image_size is None
        for camera, images in self._source.images(number, self._image_size, as_float).items():
            batch[camera] = self._image_tensor(camera, images)
        return batch

    def _image_tensor(self, camera: str, images: Images) -> Tensor:
        if self._image_size is not None:
            stacked = torch.cat([_resized(torch.from_numpy(image), self._image_size) for image in images])
            return stacked.float().div_(255.0) if self._image_float else stacked.permute(0, 2, 3, 1).contiguous()
        if isinstance(images, list):
            sizes = sorted({image.shape[:2] for image in images})
            raise ValueError(f"{camera}: images of {sizes[0]} and {sizes[1]} pixels in one batch need an image_size")
        tensor = torch.from_numpy(images)
        return tensor.permute(0, 3, 1, 2) if self._image_float else tensor

    def sampler(
        self, batch_size: int, seed: int = 0, rank: int | None = None, world: int | None = None
    ) -> EpochSampler:
        """A sampler of batches; rank and world are those of ``torch.distributed`` where it runs."""
        its_rank, its_world = _rank_and_world()
        return EpochSampler(
            self._source.batches(
                batch_size, seed, its_rank if rank is None else rank, its_world if world is None else world
            )
        )

    def loader(self, batch_size: int, seed: int = 0, workers: int = 0) -> DataLoader[Batch]:
        """A ``DataLoader`` of ready batches; ``loader.sampler.set_epoch(n)`` before each epoch."""
        return DataLoader(self, sampler=self.sampler(batch_size, seed), batch_size=None, num_workers=workers)


def as_tensor(array: NDArray[Any]) -> Tensor:
    """The array's memory as a tensor; unsigned types that PyTorch cannot compute with become wider signed ones."""
    wider = _WIDER.get(array.dtype.name)
    return torch.from_numpy(array if wider is None else array.astype(wider))


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(height, width, 3) uint8 to (1, 3, *size) uint8."""
    pixels = image.permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(pixels, size, mode="bilinear", antialias=True)


def _rank_and_world() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
