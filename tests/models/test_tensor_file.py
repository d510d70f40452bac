"""Tensors on disk come back as they were, or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from rove_teleop.errors import CheckpointInvalid
from rove_teleop.models.tensor_file import load_tensors, save_tensors

TENSORS = {"b": np.arange(6.0, dtype=np.float32).reshape(2, 3).T, "a": np.array([3], dtype=np.int64)}


def test_tensors_and_header_come_back(tmp_path):
    path = tmp_path / "new" / "file.safetensors"
    save_tensors(path, TENSORS, "kind", {"seed": 3, "names": ["x"]})
    found, about = load_tensors(path, "kind")
    assert about == {"seed": 3, "names": ["x"]} and set(found) == {"a", "b"}
    for key, value in TENSORS.items():
        assert found[key].dtype == value.dtype and np.array_equal(found[key], value)
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    before = path.read_bytes()
    save_tensors(path, dict(reversed(TENSORS.items())), "kind", {"names": ["x"], "seed": 3})
    assert path.read_bytes() == before


def test_no_flipped_bit_is_taken(tmp_path):
    path, damaged = tmp_path / "file.safetensors", tmp_path / "damaged.safetensors"
    save_tensors(path, TENSORS, "kind", {"seed": 3})
    whole = path.read_bytes()
    for place in range(8 * len(whole)):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        damaged.write_bytes(content)
        try:
            found, about = load_tensors(damaged, "kind")
        except CheckpointInvalid as error:
            assert str(error).startswith(f"{damaged}: ")
            continue
        # What is left: another name of the header, so that there is none; white space; the checksum's own name.
        same = set(found) == set(TENSORS) and all(np.array_equal(found[key], TENSORS[key]) for key in found)
        assert same and (about is None or "seed" not in about or about["seed"] == 3), place


def test_a_file_without_a_checksum_is_taken(tmp_path):
    path = tmp_path / "old.safetensors"
    save_file({"a": TENSORS["a"]}, path, {"kind": json.dumps({"seed": 3})})
    assert load_tensors(path, "kind")[1] == {"seed": 3}
    assert load_tensors(path, "other")[1] is None


@pytest.mark.parametrize("header", ["{", "3", "[1]"])
def test_a_header_that_is_none_is_refused(tmp_path, header):
    path = tmp_path / "odd.safetensors"
    save_file({"a": TENSORS["a"]}, path, {"kind": header})
    with pytest.raises(CheckpointInvalid, match=r"odd.safetensors: its header 'kind' cannot be read"):
        load_tensors(path, "kind")
