"""Results as one ``.npz`` file under exactly the name that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UsageError


def save_npz(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write plain arrays, compressed.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **dict(arrays))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
