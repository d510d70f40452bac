import hypothesis.strategies as st
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from rove_teleop.errors import MessageRefused
from rove_teleop.policy.remote.encoding import pack, unpack, unpack_map

from .peers import needs_openpi, run_openpi

DTYPES = st.sampled_from(["?", "u1", "<i4", "<i8", "<f2", "<f4", "<f8", ">f8", "<U3", "S2"])
ARRAYS = DTYPES.flatmap(lambda text: hnp.arrays(text, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
SAMPLES = {
    "observation/state": np.linspace(-1, 1, 7, dtype=np.float32),
    "observation/image": np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3),
    "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "empty": np.empty((0, 5), np.float64),
    "flag": np.bool_(True),
    "number": np.float32(1.5),
    "prompt": "put the bread into the toaster",
    "nested": {"timing": {"infer_ms": 3.25}, "list": [1, None, b"raw", np.int64(-3)]},
}


def same(one, other) -> bool:
    if isinstance(one, np.ndarray | np.generic):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return one == other


@given(ARRAYS)
def test_an_array_comes_back_bit_by_bit(array):
    assert same(array, unpack(pack({"a": array}))["a"])


@needs_openpi
def test_our_bytes_are_openpis_bytes_and_theirs_are_read():
    make = (
        "import sys; from openpi_client import msgpack_numpy as m; "
        "sys.stdout.buffer.write(m.packb(m.unpackb(sys.stdin.buffer.read())))"
    )
    ours = pack(SAMPLES)
    theirs = run_openpi(make, stdin=ours)
    assert theirs == ours, "what openpi reads of ours and writes again is the same, byte by byte"
    read = unpack(theirs)
    for key in SAMPLES.keys() - {"nested"}:
        assert same(SAMPLES[key], read[key]), key


@pytest.mark.parametrize(
    "value", [np.array([object()]), np.zeros(2, "c16"), np.zeros(1, [("x", "f8")]), object(), {1, 2}, 2**70]
)
def test_what_is_no_data_is_not_sent(value):
    with pytest.raises(MessageRefused, match="cannot be sent"):
        pack({"a": value})


def array(dtype: object = "<f4", shape: object = (1,), data: object = b"1234") -> bytes:
    return msgpack.packb({"a": {b"__ndarray__": True, b"data": data, b"dtype": dtype, b"shape": shape}})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1", array(dtype="|O"), array(dtype="<c8"), array(dtype="f4,f4"), array(dtype="f4,("), array(dtype=7),
        array(dtype="x" * 99),
        array(shape=(2,)), array(shape=(-1,)), array(shape=("1",)), array(shape=None), array(shape=(1,) * 20),
        array(data="1234"), array(data=None), array(shape=(2**62, 2**62)), array()[:-1], array() + b"\x00",
        msgpack.packb({b"__npgeneric__": True, b"data": "x", b"dtype": "<f8"}), b"\x91" * 5000,
        msgpack.packb({b"__npgeneric__": True, b"data": 1, b"dtype": "|O"}),
    ],
)  # fmt: skip
def test_a_broken_message_is_refused_with_a_sentence(data):
    with pytest.raises(MessageRefused, match="is not msgpack"):
        unpack(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        unpack_map(data)
    except MessageRefused:
        return


def test_text_is_no_message():
    with pytest.raises(MessageRefused, match="holds str"):
        unpack_map("hello")
