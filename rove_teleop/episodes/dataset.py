"""A dataset folder: its format, its one writer, its episodes."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ..clock import wall_time_s
from ..errors import DatasetInvalid
from .durability import fsync_directory, write_durable_json

FORMAT_VERSION = 1
_ID = re.compile(r"\d{8}-\d{6}-\d{6}")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Dataset:
    """A dataset on disk: ``dataset.json``, ``recording/`` (journals), ``episodes/`` (sealed, immutable)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, root: Path) -> Dataset:
        """Open an existing dataset.

        Raises:
            DatasetInvalid: no dataset, not ours, or written by a newer version.
        """
        path = root / "dataset.json"
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DatasetInvalid(f"{root}: is not a dataset (no dataset.json in it)") from error
        except (OSError, ValueError) as error:
            raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
        version = info.get("format_version") if isinstance(info, dict) else None
        if not isinstance(version, int) or version < 1:
            raise DatasetInvalid(f"{path}: says no format_version, so it is not a dataset of this software")
        if version > FORMAT_VERSION:
            raise DatasetInvalid(f"{path}: has format version {version}, this software reads up to {FORMAT_VERSION}")
        return cls(root)

    @classmethod
    def create(cls, root: Path) -> Dataset:
        """Open a dataset, or make an empty one where there is nothing.

        Raises:
            DatasetInvalid: the folder holds something else, or cannot be written.
        """
        if (root / "dataset.json").exists():
            return cls.open(root)
        try:
            if root.exists() and any(path.name not in _OURS for path in root.iterdir()):
                raise DatasetInvalid(f"{root}: is not empty and not a dataset")
            for folder in ("recording", "episodes", ".seal"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            write_durable_json(root / "dataset.json", {"format_version": FORMAT_VERSION, "created_s": wall_time_s()})
        except OSError as error:
            raise DatasetInvalid(f"{root}: a dataset cannot be made here ({error.strerror})") from error
        return cls(root)

    def episodes(self) -> list[Path]:
        """Sealed episodes in the order they were recorded.

        Raises:
            DatasetInvalid: the folder of the episodes is not there.
        """
        return sorted(self.sealed.glob("*.zarr"))

    def strangers(self) -> list[Path]:
        """Folders among the sealed episodes that no reader looks at, because of their names."""
        return sorted(path for path in self.sealed.iterdir() if path.is_dir() and path.suffix != ".zarr")

    @property
    def sealed(self) -> Path:
        """The folder of the sealed episodes.

        Raises:
            DatasetInvalid: it is not there, and so are they.
        """
        path = self.root / "episodes"
        if not path.is_dir():
            raise DatasetInvalid(f"{self.root}: has no folder 'episodes', where sealed episodes lie")
        return path

    def recordings(self) -> list[Path]:
        """Folders of recordings that run now or that a crash left."""
        return sorted(path for path in (self.root / "recording").glob("*") if path.is_dir())

    def begin_recording(self) -> Path:
        """A new empty folder ``recording/<id>``; ids sort by time even when the clock steps back.

        The id is UTC date, time and a number that counts the episodes of this dataset.
        """
        names = [path.name[:22] for path in self.episodes() + self.recordings()]
        used = [name for name in names if _ID.fullmatch(name)]
        stamp = max([_utc_text(wall_time_s()), *(name[:15] for name in used)])
        number = max((int(name[16:]) for name in used), default=0)
        while True:
            number += 1
            path = self.root / "recording" / f"{stamp}-{number:06d}"
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            fsync_directory(path.parent)
            return path

    def begin_virtual(self, episode_id: str) -> Path:
        """A new empty folder for an episode in virtual time; what an earlier attempt left of it is removed.

        Raises:
            DatasetInvalid: this episode is sealed already.
        """
        if (self.root / "episodes" / f"{episode_id}.zarr").exists():
            raise DatasetInvalid(f"{self.root}: episode {episode_id} is there already")
        path = self.root / "recording" / episode_id
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
        return path


_OURS = {"recording", "episodes", ".seal", "damaged", "logs", "writer.lock", "dataset.json.tmp"}


def clock_now(monotonic_s: float) -> dict[str, Any]:
    """Monotonic and wall time of one instant, and the boot that the monotonic clock counts from."""
    return {"monotonic_s": monotonic_s, "wall_time_s": wall_time_s(), "boot_id": boot_id()}


def boot_id() -> str:
    """Names this boot of the machine; empty where the kernel does not say."""
    return _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else ""


def _utc_text(time_s: float) -> str:
    return datetime.datetime.fromtimestamp(time_s, datetime.UTC).strftime("%Y%m%d-%H%M%S")


class WriterLock:
    """The right to write a dataset. The kernel releases it when the process ends, however it ends.

    Raises:
        DatasetInvalid: another process has it; the message says which.
    """

    def __init__(self, root: Path) -> None:
        path = root / "writer.lock"
        try:
            self._file: IO[str] = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DatasetInvalid(f"{root}: the dataset cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(self._file)
            self._file.close()
            raise DatasetInvalid(f"{root}: another recorder is writing this dataset ({holder})") from error
        self._file.truncate(0)
        json.dump({"pid": os.getpid(), "boot_id": boot_id(), "since_s": wall_time_s()}, self._file)
        self._file.flush()

    def release(self) -> None:
        """Give the right back; harmless when called twice."""
        self._file.close()

    def __enter__(self) -> WriterLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        info: Mapping[str, Any] = json.loads(file.read())
        return f"process {int(info['pid'])}" + ("" if info["boot_id"] == boot_id() else " on another machine")
    except (ValueError, KeyError, TypeError):
        return "its process could not be read"
