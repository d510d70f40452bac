"""openpi's encoding: msgpack in which an array is a map of its bytes, type and shape. Nothing on the wire can run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from ...errors import MessageRefused

MAX_MESSAGE_BYTES = 64 * 2**20
"""More than any observation: eight cameras of 1280 x 960 are 30 MB."""

_KINDS = "biufSU"


def pack(value: object) -> bytes:
    """Bytes of ``value``: maps and lists of numbers, text, bytes and arrays, just as openpi's client writes them.

    Raises:
        MessageRefused: an array of objects, records or complex numbers, or something that is no data at all.
    """
    try:
        return bytes(msgpack.packb(value, default=_encode))
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageRefused("not encodable", f"this cannot be sent: {error}") from error


def unpack(data: bytes) -> Any:
    """The value of a message.

    Raises:
        MessageRefused: no msgpack, cut short, or an array whose bytes do not fit its type and shape.
    """
    try:
        return msgpack.unpackb(data, object_hook=_decode)
    except (msgpack.UnpackException, ValueError, TypeError) as error:
        raise MessageRefused("not decodable", f"a message of {len(data)} bytes is not msgpack: {error}") from error


def unpack_map(data: bytes | str) -> dict[Any, Any]:
    """The map in a message, which is what every message of the protocol is; else `MessageRefused`."""
    value = unpack(data) if isinstance(data, bytes) else data
    if not isinstance(value, dict):
        raise MessageRefused("not decodable", f"a message holds {type(value).__name__}, not a map")
    return value


def _encode(value: object) -> object:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"a {type(value).__name__} is no data")
    if value.dtype.kind not in _KINDS:
        raise TypeError(f"arrays of {value.dtype} are not sent")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}


def _decode(value: Mapping[Any, Any]) -> object:
    if b"__ndarray__" in value:
        dtype, data, shape = _dtype(value), value.get(b"data"), value.get(b"shape")
        if not isinstance(data, bytes) or not isinstance(shape, list | tuple):
            raise ValueError("an array without bytes or shape")
        if not all(isinstance(size, int) and size >= 0 for size in shape) or len(shape) > 16:
            raise ValueError(f"an array of shape {shape}")
        if math.prod(shape) * dtype.itemsize != len(data):
            raise ValueError(f"{len(data)} bytes for an array {tuple(shape)} of {dtype}")
        return np.ndarray(shape, dtype, data)
    if b"__npgeneric__" in value:
        return np.array(value.get(b"data")).astype(_dtype(value))[()]
    return value


def _dtype(value: Mapping[Any, Any]) -> np.dtype[Any]:
    text = value.get(b"dtype")
    if not isinstance(text, str) or len(text) > 16:
        raise ValueError("an array without a type")
    try:
        dtype = np.dtype(text)
    except SyntaxError as error:
        # NumPy parses what stands before a comma as Python would.
        raise ValueError(f"an array of type {text!r}") from error
    if dtype.kind not in _KINDS:
        raise ValueError(f"arrays of {dtype} are not read")
    return dtype
