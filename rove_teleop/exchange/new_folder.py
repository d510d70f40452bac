"""A folder that appears whole or not at all: built beside its place, on disk before it is renamed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..episodes.durability import fsync_directory, sync_filesystem
from ..errors import UsageError

_MARK = ".unfinished_export"


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out`` when the block ends well, and is removed when it does not.

    What an export that was killed left in ``OUT.partial`` is removed first; a folder of that name which is not
    such a rest is refused.

    Raises:
        UsageError: ``out`` exists, or cannot be written.
    """
    if out.exists():
        raise UsageError(f"{out}: exists already; name a new folder, or remove it first")
    partial = out.with_name(out.name + ".partial")
    if partial.exists() and not (partial / _MARK).exists():
        raise UsageError(f"{partial}: is in the way and is not the rest of an interrupted export; move it first")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / _MARK).touch()
    except OSError as error:
        raise UsageError(f"{out}: cannot be written here ({error.strerror})") from error
    try:
        yield partial
        (partial / _MARK).unlink()
        sync_filesystem(partial)
        partial.rename(out)
        fsync_directory(out.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
