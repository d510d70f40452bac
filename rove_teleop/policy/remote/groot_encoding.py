"""GR00T's encoding: msgpack in which an array is a NumPy file."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from ...errors import MessageRefused

_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|\x02\x00....)\{'descr': '(?P<dtype>[<>|](?:b1|[iu][1248]|f[248]))', "
    rb"'fortran_order': (?P<columns>True|False), 'shape': \((?P<shape>[0-9, ]{0,99})\), \} *\n",
    re.DOTALL,
)


def pack(value: object) -> bytes:
    """A request as GR00T's client writes it."""
    return bytes(msgpack.packb(value, default=_encode))


def unpack(data: bytes) -> Any:
    """A reply; `MessageRefused` when it is none, or holds Python objects."""
    try:
        return msgpack.unpackb(data, object_hook=_decode)
    except (msgpack.UnpackException, ValueError, TypeError, EOFError) as error:
        raise MessageRefused("not decodable", f"a reply of {len(data)} bytes cannot be read: {error}") from error


def _encode(value: object) -> object:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a {type(value).__name__} is no data")
    output = io.BytesIO()
    np.save(output, value, allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": output.getvalue()}


def _decode(value: dict[Any, Any]) -> Any:
    if "__ndarray_class__" in value:
        return _read_npy(value.get("as_npy"))
    return value.get("as_json") if "__ModalityConfig_class__" in value else value


def _read_npy(data: object) -> NDArray[Any]:
    """The array in a NumPy file, whose header is not believed: it must be of plain numbers, and just as long.

    NumPy's own reader reserves what a header promises, and not all of its errors are its own.
    """
    found = _NPY.match(data) if isinstance(data, bytes) else None
    if found is None or not isinstance(data, bytes):
        raise ValueError("an array that is no NumPy file of numbers")
    dtype = np.dtype(found["dtype"].decode())
    shape = tuple(int(size) for size in found["shape"].replace(b" ", b"").split(b",") if size)
    body = data[found.end() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise ValueError(f"{len(body)} bytes for an array {shape} of {dtype}")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if found["columns"] == b"True" else "C")
