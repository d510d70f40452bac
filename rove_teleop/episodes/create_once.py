"""Files that are written once: the whole file appears under its name at once, and never replaces another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .durability import fsync_directory


def create_once(path: Path, data: bytes) -> bool:
    """Create ``path`` with ``data``, surviving a power cut; False where the name is taken (nothing is changed then).

    Raises:
        OSError: the disk refused it; nothing has that name then.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return False
    fsync_directory(path.parent)
    return True


def make_folders(root: Path, folder: Path) -> None:
    """Make ``folder`` below ``root`` and let its name survive a power cut."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    while folder != root:
        folder = folder.parent
        fsync_directory(folder)
