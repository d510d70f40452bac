"""Tensors on disk: a safetensors file that is whole or absent, with a JSON header and a checksum of both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..errors import CheckpointInvalid

CHECKSUM = "sha256"


def save_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], kind: str, about: Mapping[str, Any]) -> None:
    """Write ``path`` by rename; the same tensors and header give the same bytes.

    ``kind`` names the header in the file, ``about`` is its content (what JSON can say).
    """
    # A copy each: safetensors takes no views.
    copies = {key: np.array(value, order="C") for key, value in sorted(tensors.items())}
    # Within the one header: safetensors writes several in random order.
    text = json.dumps({**about, CHECKSUM: _checksum(copies, about)}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(save(copies, {kind: text}))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_tensors(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any] | None]:
    """The tensors, and the header called ``kind``; None where the file has none.

    Files from before there was a checksum are taken without.

    Raises:
        CheckpointInvalid: unreadable, or not what was written.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(kind)
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError) as error:
        raise CheckpointInvalid(f"{path}: cannot be read as a safetensors file ({error})") from error
    if text is None:
        return tensors, None
    try:
        about = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise CheckpointInvalid(f"{path}: its header '{kind}' cannot be read ({error})") from error
    wanted = about.pop(CHECKSUM, None)
    if wanted is not None and _checksum(tensors, about) != wanted:
        raise CheckpointInvalid(f"{path}: is damaged, its content does not have the checksum that was written with it")
    return tensors, about


def _checksum(tensors: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"{key} {value.dtype.str} {value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
