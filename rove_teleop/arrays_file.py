"""Results as one ``.npz`` file under exactly the name that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UsageError


def save_npz(path: Path, arrays: Mapping[str, NDArray[np.generic]], made_from: Path) -> None:
    """Write plain arrays, compressed; whatever was there stays as it was until all of it is written.

    Raises:
        UsageError: the file cannot be written, or it is ``made_from``, the recording that the arrays were made from.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        if path.exists() and made_from.exists() and path.samefile(made_from):
            raise UsageError(f"{path}: is what the result is made from, and would be lost; choose another name")
        # A device such as /dev/null has nothing to keep, and takes no other file's place.
        target = path if path.exists() and not path.is_file() else partial
        with target.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **dict(arrays))
        if target == partial:
            partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
