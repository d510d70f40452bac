"""Zarr v3 written by hand: an uncompressed chunk is a plain little-endian array, so an array is JSON plus raw bytes.

A library would append chunk by chunk and never sync; an episode is complete when it is written, so it needs neither.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .durability import write_file
from .record.journal import crc32c

PACK_BLOCK = 65536
"""Inner chunk of a sharded byte array: what a reader of one JPEG fetches at least."""


def group_json(attributes: Mapping[str, Any]) -> bytes:
    """``zarr.json`` of a group."""
    return _json({"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)})


def array_json(array: NDArray[Any], dims: tuple[str, ...], attributes: Mapping[str, Any]) -> bytes:
    """``zarr.json`` of an array stored whole in one uncompressed chunk."""
    chunk = [max(1, size) for size in array.shape]
    codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
    return _array_json(array.shape, array.dtype.name, chunk, codecs, dims, attributes)


def _array_json(
    shape: tuple[int, ...],
    data_type: str,
    chunk: list[int],
    codecs: list[dict[str, Any]],
    dims: tuple[str, ...],
    attributes: Mapping[str, Any],
) -> bytes:
    # NaN, so that a chunk that went missing can never be read as a plausible zero.
    fill: float | str = "NaN" if data_type.startswith("float") else 0
    return _json(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(shape),
            "data_type": data_type,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill,
            "codecs": codecs,
            "dimension_names": list(dims),
            "attributes": dict(attributes),
        }
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def chunk_path(array_path: Path, dimensions: int) -> Path:
    """The one chunk of an array of that many dimensions."""
    return array_path.joinpath("c", *["0"] * dimensions)


def write_array(path: Path, array: NDArray[Any], dims: tuple[str, ...], attributes: Mapping[str, Any]) -> int:
    """Write an array (little-endian) into the new folder ``path``; return the CRC-32C of its bytes."""
    data = np.ascontiguousarray(array)
    chunk = chunk_path(path, data.ndim)
    chunk.parent.mkdir(parents=True)
    write_file(path / "zarr.json", array_json(data, dims, attributes))
    if data.size == 0:
        return 0
    raw = data.reshape(-1).view(np.uint8)
    write_file(chunk, raw.data)
    return crc32c(raw)


def pack_size(length: int) -> int:
    """Bytes of a sealed pack's data part: ``length`` rounded up to whole blocks."""
    return -(-length // PACK_BLOCK) * PACK_BLOCK


def close_pack(pack: Path, length: int) -> None:
    """Turn a file of ``length`` bytes into a Zarr shard in place: pad to whole blocks, append the shard index.

    Idempotent: whatever follows ``length`` is cut first, so an interrupted call is repeated.
    """
    os.truncate(pack, length)
    write_file(pack, _pack_end(length), append=True)


def is_closed_pack(array_path: Path, length: int) -> bool:
    """Whether behind the ``length`` bytes of a sealed pack is what ``close_pack`` wrote there."""
    if length == 0:
        return True
    with chunk_path(array_path, 1).open("rb") as pack:
        pack.seek(length)
        return pack.read() == _pack_end(length)


def _pack_end(length: int) -> bytes:
    """Padding to whole blocks, and the shard index: begin and bytes of each block, and their checksum."""
    blocks = pack_size(length) // PACK_BLOCK
    index = np.empty((blocks, 2), "<u8")
    index[:, 0] = np.arange(blocks) * PACK_BLOCK
    index[:, 1] = PACK_BLOCK
    raw = index.tobytes()
    return bytes(pack_size(length) - length) + raw + np.array(crc32c(raw), "<u4").tobytes()


def link_pack(path: Path, pack: Path, length: int, dims: tuple[str, ...], attributes: Mapping[str, Any]) -> None:
    """Make the new folder ``path`` a 1-D uint8 array of ``length`` bytes whose shard is ``pack`` itself: no copy."""
    chunk = chunk_path(path, 1)
    chunk.parent.mkdir(parents=True)
    endian = {"name": "bytes", "configuration": {"endian": "little"}}
    inner = {
        "chunk_shape": [PACK_BLOCK],
        "codecs": [endian],
        "index_codecs": [endian, {"name": "crc32c"}],
        "index_location": "end",
    }
    codecs = [{"name": "sharding_indexed", "configuration": inner}]
    shape = [max(PACK_BLOCK, pack_size(length))]
    write_file(path / "zarr.json", _array_json((length,), "uint8", shape, codecs, dims, attributes))
    if length == 0:
        return
    close_pack(pack, length)
    try:
        os.link(pack, chunk)
    except OSError:
        # Some file systems (exFAT, network shares) have no hard links.
        shutil.copyfile(pack, chunk)
