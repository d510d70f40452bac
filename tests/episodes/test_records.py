import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.episodes.records import (
    ChunkRecord,
    FailureRecord,
    FrameRecord,
    pack_event,
    pack_json,
    pack_task,
    pack_tracking,
    unpack_event,
    unpack_task,
    unpack_tracking,
)
from rove_teleop.errors import DatasetInvalid
from rove_teleop.types import Event

_number = st.floats(allow_nan=False)
_text = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.builds(FrameRecord, _text, *[st.integers(0, 2**32 - 1)] * 3, _number, _number, st.integers(0, 2**32 - 1)))
def test_frame_records_round_trip(record: FrameRecord) -> None:
    assert FrameRecord.unpack(record.pack()) == record


@given(st.builds(FailureRecord, _number, _number, _number, st.booleans(), _text))
def test_failure_records_round_trip(record: FailureRecord) -> None:
    assert FailureRecord.unpack(record.pack()) == record


@given(st.builds(Event, st.floats(-1e9, 1e9), _text, _text))
def test_events_round_trip(event: Event) -> None:
    assert unpack_event(pack_event(event)) == event


@given(_number, st.binary(max_size=50), st.lists(_number, max_size=9))
def test_stamped_payloads_round_trip(stamp_s: float, data: bytes, features: list[float]) -> None:
    assert unpack_tracking(pack_tracking(stamp_s, data)) == (stamp_s, data)
    back_s, back = unpack_task(pack_task(stamp_s, np.array(features)))
    assert back_s == stamp_s
    assert back.tolist() == features


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32))
def test_chunks_round_trip(h: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chunk = ChunkRecord(1.5, 2.5, np.arange(h) * 0.05 - 0.1, rng.permutation(m), rng.normal(size=(h, m)))
    back = ChunkRecord.unpack(chunk.pack())
    assert (back.receive_s, back.header_stamp_s, back.valid) == (1.5, 2.5, True)
    for name in ("offset_s", "joint_index", "q_rad"):
        np.testing.assert_array_equal(getattr(back, name), getattr(chunk, name))


@pytest.mark.parametrize("spoil", ["nan", "time"])
def test_a_chunk_that_control_refuses_is_kept_but_marked(spoil: str) -> None:
    chunk = ChunkRecord(0.0, 0.0, np.array([0.0, 0.1]), np.array([0]), np.zeros((2, 1)))
    if spoil == "nan":
        chunk.q_rad[1, 0] = np.nan
    else:
        chunk.offset_s[1] = 0.0
    assert not ChunkRecord.unpack(chunk.pack()).valid


def test_a_chunk_whose_parts_disagree_is_refused() -> None:
    with pytest.raises(DatasetInvalid, match="a chunk of 2 x 1 has 3 times"):
        ChunkRecord(0.0, 0.0, np.zeros(3), np.array([0]), np.zeros((2, 1))).pack()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(DatasetInvalid, match="plain JSON without NaN"):
        pack_json({"x": value})
