"""Whatever a server says or answers: it fits, or it is refused with a sentence."""

import io

import hypothesis.strategies as st
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from rove_teleop.errors import CheckpointInvalid, MessageRefused, UsageError
from rove_teleop.policy.remote import groot_encoding as groot
from rove_teleop.policy.remote.address import read_address
from rove_teleop.policy.remote.fit import fit
from rove_teleop.policy.remote.openpi import OpenpiLink

from .serving import HOME_RAD, JOINTS, ROBOT, SAID, SERVED, good

ADDRESS = read_address("ws://127.0.0.1:9")
LINK = OpenpiLink(ADDRESS, ROBOT)
FIT = fit(ROBOT, ADDRESS, SAID, "it")
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.booleans(), hnp.arrays("<f4", hnp.array_shapes(max_dims=3, max_side=8))
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.text(max_size=5), st.binary(max_size=5), NUMBERS, st.sampled_from(JOINTS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(SERVED.metadata())), ANYTHING, max_size=3))
def test_what_a_server_says_of_itself(changed):
    try:
        found = fit(ROBOT, ADDRESS, {**SAID, **changed}, "it")
    except (CheckpointInvalid, UsageError) as refused:
        assert "it" in str(refused) or "policy" in str(refused)
        return
    assert set(found.joint_names) <= set(ROBOT.joint_names)
    assert 1 <= found.execute <= 1000
    assert 0.0 < found.step_s <= 2.0


@given(
    st.dictionaries(st.sampled_from(["actions", "rove/offset_s", "rove/value", "rove/valid_s"]), ANYTHING, max_size=3)
)
def test_what_a_server_answers(changed):
    answer = {**good({"observation/state": HOME_RAD}), **changed}
    try:
        rows = LINK.rows(answer, FIT)
    except MessageRefused:
        return
    assert rows.q_rad.dtype == np.float64


def npy(array: np.ndarray) -> bytes:
    output = io.BytesIO()
    np.save(output, array, allow_pickle=True)
    return output.getvalue()


@given(
    st.one_of(st.binary(max_size=200), st.just(npy(np.zeros((2, 3), np.float32)))),
    st.integers(0, 250),
    st.binary(max_size=3),
)
def test_any_numpy_file_is_read_or_refused(data, at, patch):
    data = data[:at] + patch + data[at + len(patch) :]
    try:
        groot.unpack(msgpack.packb({"__ndarray_class__": True, "as_npy": data}))
    except MessageRefused:
        return


def test_a_header_that_promises_the_moon_costs_nothing():
    moon = npy(np.zeros(3)).replace(b"'shape': (3,), }" + b" " * 13, b"'shape': (99999999999999,), }")
    assert b"(99999999999999,), }" in moon
    for text in (moon, npy(np.array([{"a": 1}], dtype=object)), b"PK\x03\x04" + bytes(40)):
        with pytest.raises(MessageRefused):
            groot.unpack(msgpack.packb({"__ndarray_class__": True, "as_npy": text}))


@given(hnp.arrays(st.sampled_from(["?", "u1", "<i8", "<f2", ">f4", "<f8"]), hnp.array_shapes(min_dims=0, max_dims=4)))
def test_every_numpy_file_of_numbers_is_read(array):
    for order in (array, np.asfortranarray(array)):
        found = groot.unpack(groot.pack({"a": order}))["a"]
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
