import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.episodes.layout import FRAME_ROW, TRACKING_ROW, pack_operator_frame, task_dtype
from rove_teleop.episodes.record.records import (
    ChunkRecord,
    FailureRecord,
    pack_event,
    pack_frame,
    pack_json,
    pack_task,
    pack_tracking,
    unpack_event,
)
from rove_teleop.errors import DatasetInvalid
from rove_teleop.types import Event, HandFrame, OperatorFrame

_number = st.floats(allow_nan=False)
_text = st.text(st.characters(codec="utf-8"), max_size=30)


_count = st.integers(0, 2**31)


@given(st.tuples(_count, _count, st.integers(0, 2**32 - 1), _number, _number, st.integers(0, 2**32 - 1)))
def test_frames_are_rows_of_a_cameras_log(values: tuple[int, int, int, float, float, int]) -> None:
    (row,) = np.frombuffer(pack_frame(*values), FRAME_ROW)
    assert tuple(row.tolist()) == values


@given(st.builds(FailureRecord, _number, _number, _number, st.booleans(), _text))
def test_failure_records_round_trip(record: FailureRecord) -> None:
    assert FailureRecord.unpack(record.pack()) == record


@given(st.builds(Event, st.floats(-1e9, 1e9), _text, _text))
def test_events_round_trip(event: Event) -> None:
    assert unpack_event(pack_event(event)) == event


@given(_number, st.integers(0, 2**32 - 1), st.lists(_number, min_size=1, max_size=9))
def test_stamped_payloads_are_rows_of_their_logs(stamp_s: float, sequence: int, features: list[float]) -> None:
    device = pack_operator_frame(OperatorFrame(2.5, sequence, HandFrame(), HandFrame(np.eye(4))))
    (row,) = np.frombuffer(pack_tracking(stamp_s, device), TRACKING_ROW)
    assert (row["receive_s"], row["stamp_s"], row["sequence"]) == (stamp_s, 2.5, sequence)
    np.testing.assert_array_equal(row["T_world_right_wrist"], np.eye(4))
    (sample,) = np.frombuffer(pack_task(stamp_s, np.array(features)), task_dtype(len(features)))
    assert sample["stamp_s"] == stamp_s
    assert sample["features"].tolist() == features


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32), st.booleans())
def test_chunks_round_trip(h: int, m: int, seed: int, shadow: bool) -> None:
    rng = np.random.default_rng(seed)
    chunk = ChunkRecord(1.5, 2.5, np.arange(h) * 0.05 - 0.1, rng.permutation(m), rng.normal(size=(h, m)), shadow)
    back = ChunkRecord.unpack(chunk.pack())
    assert (back.receive_s, back.header_stamp_s, back.valid) == (1.5, 2.5, True)
    assert (back.shadow, back.mark) == (shadow, 2 if shadow else 1)
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
    assert chunk.mark == 0


def test_a_chunk_whose_parts_disagree_is_refused() -> None:
    with pytest.raises(DatasetInvalid, match="a chunk of 2 x 1 has 3 times"):
        ChunkRecord(0.0, 0.0, np.zeros(3), np.array([0]), np.zeros((2, 1))).pack()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(DatasetInvalid, match="plain JSON without NaN"):
        pack_json({"x": value})
