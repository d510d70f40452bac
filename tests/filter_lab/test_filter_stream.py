"""``rove filter``: a stranger's stream, however hostile, becomes commands inside every limit."""

import numpy as np
import pytest

from rove_teleop.cli import main
from rove_teleop.errors import StreamInvalid
from rove_teleop.filter_lab.filter_stream import filter_stream
from rove_teleop.filter_lab.stream import LONGEST_S, Stream, load_stream
from rove_teleop.robots.description import load_robot
from rove_teleop.types import Reason

ROBOT = load_robot("iron_r01")
N, DT = ROBOT.joint_count, ROBOT.dt_s


def stream(stamp_s, q_rad, source="operator"):
    return Stream(np.asarray(stamp_s), np.asarray(q_rad), np.full(len(stamp_s), source))


def check_limits(q_rad):
    log = np.vstack([np.tile(q_rad[0], (3, 1)), q_rad])
    assert np.all((q_rad >= ROBOT.q_min_rad) & (q_rad <= ROBOT.q_max_rad))
    for n, limit in ((1, ROBOT.v_max_rad_s), (2, ROBOT.a_max_rad_s2), (3, ROBOT.j_max_rad_s3)):
        rounding = 8 * np.finfo(float).eps * 4 / DT**n / limit
        assert np.all(np.abs(np.diff(log, n=n, axis=0)) / DT**n / limit <= 1 + 1e-9 + rounding)
    assert np.array_equal(q_rad[-1], q_rad[-2]), "the robot is at rest at the end"


def test_a_smooth_stream_arrives_with_the_lag_of_the_low_pass():
    time_s = np.arange(0, 6, 1 / 72)
    wave = ROBOT.home_rad + 0.05 * np.sin(2 * np.pi * 0.3 * time_s)[:, None]
    wave = np.clip(wave, ROBOT.q_min_rad, ROBOT.q_max_rad)
    result = filter_stream(stream(50.0 + time_s, wave), ROBOT)
    check_limits(result.q_rad)
    middle = (result.stamp_s > 52) & (result.stamp_s < 55)
    delayed = np.sin(2 * np.pi * 0.3 * (result.stamp_s[middle] - 50.0 - 3 / 50 - 1 / 72))
    inside = (ROBOT.home_rad - ROBOT.q_min_rad > 0.06) & (ROBOT.q_max_rad - ROBOT.home_rad > 0.06)
    error = result.q_rad[middle] - ROBOT.home_rad - 0.05 * delayed[:, None]
    assert np.max(np.abs(error[:, inside])) < 2e-3


@pytest.mark.parametrize("seed", range(6))
def test_whatever_arrives_every_limit_holds(seed):
    rng = np.random.default_rng(seed)
    rows = 900
    stamp_s = 10.0 + np.cumsum(rng.choice([0.0, 0.004, 0.014, 0.05, 0.4, -0.1], rows))
    stamp_s[rng.random(rows) < 0.02] = rng.choice([np.nan, np.inf, -np.inf])
    q_rad = rng.uniform(-4, 4, (rows, N))
    q_rad[rng.random((rows, N)) < 0.05] = rng.choice([np.nan, np.inf, -1e308, 1e308])
    source = rng.choice(["policy", "operator", "hold"], rows)
    result = filter_stream(Stream(stamp_s, q_rad, source), ROBOT)
    check_limits(result.q_rad)
    assert result.refused["stamp_not_finite"] > 0
    assert result.refused["out_of_order"] > 0
    again = filter_stream(Stream(stamp_s, q_rad, source), ROBOT)
    assert np.array_equal(again.q_rad, result.q_rad)


def test_a_stream_that_stops_is_a_robot_that_stops_and_holds():
    time_s = np.concatenate([np.arange(0, 1, 0.01), np.arange(3, 4, 0.01)])
    q_rad = ROBOT.home_rad + 0.3 * time_s[:, None] * (ROBOT.q_max_rad > ROBOT.home_rad + 1.5)
    result = filter_stream(stream(time_s, q_rad), ROBOT)
    check_limits(result.q_rad)
    gap = (result.stamp_s > 2.0) & (result.stamp_s < 2.9)
    assert np.ptp(result.q_rad[gap], axis=0).max() == 0.0
    assert np.all(result.reason[gap] == int(Reason.HOLDING))


@pytest.mark.parametrize("source", ["operator", "policy"])
def test_a_wild_number_is_no_target_as_in_the_live_loop(source):
    time_s = np.arange(0, 1, 0.01)
    q_rad = np.tile(ROBOT.home_rad, (len(time_s), 1))
    q_rad[[0, 40, 41, 70]] = np.array([1e300, -1e5, np.nan, 101.0])[:, None]
    result = filter_stream(stream(time_s, q_rad, source), ROBOT)
    assert np.max(np.abs(result.q_rad - ROBOT.home_rad)) < 1e-12


def test_a_change_of_source_is_a_handover():
    time_s = np.arange(0, 4, 0.01)
    jump = np.where(time_s < 2, 0.0, 0.2)[:, None] * (ROBOT.q_max_rad > ROBOT.home_rad + 0.5)
    source = np.where(time_s < 2, "policy", "operator")
    result = filter_stream(Stream(time_s, ROBOT.home_rad + jump, source), ROBOT)
    check_limits(result.q_rad)
    first = np.abs(np.diff(result.q_rad[(result.stamp_s > 2.0) & (result.stamp_s < 2.05)], axis=0)).max()
    assert first < 0.01


def arrays(**changes):
    usual = {"joint_names": np.array(["left_elbow_pitch"]), "stamp_s": np.arange(3.0), "q_rad": np.zeros((3, 1))}
    return {**usual, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"joint_names": np.array(["tail"])}, "'tail' is not a joint"),
        ({"q_rad": np.zeros((2, 1))}, r"q_rad has shape \(2, 1\)"),
        ({"stamp_s": np.array(["a", "b", "c"])}, "stamp_s must hold numbers"),
        ({"source": np.array(["policy", "cat", "policy"])}, "source 'cat' is none of"),
        ({"stamp_s": np.zeros(0), "q_rad": np.zeros((0, 1))}, "holds no rows"),
        ({"joint_names": np.array(["left_elbow_pitch"] * 2), "q_rad": np.zeros((3, 2))}, "named twice"),
        ({"joint_names": np.array(["Schwänze".encode()])}, "'Schwänze' is not a joint"),
        ({"stamp_s": np.array(1.0)}, r"stamps of shape \(\)"),
    ],
)
def test_names_and_shapes_are_refused_in_one_sentence(tmp_path, changes, said):
    path = tmp_path / "stream.npz"
    np.savez(path, **arrays(**changes))
    with pytest.raises(StreamInvalid, match=said):
        load_stream(path, ROBOT)


def test_damage_at_any_place_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "stream.npz"
    np.savez_compressed(path, **arrays())
    whole = bytearray(path.read_bytes())
    for place in range(0, len(whole), 5):
        damaged = whole.copy()
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            load_stream(path, ROBOT)
        except StreamInvalid as error:
            assert str(path) in str(error)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(StreamInvalid, match="not a zip file"):
        load_stream(path, ROBOT)


def test_a_number_that_is_too_large_for_float64_is_no_target(tmp_path):
    path = tmp_path / "stream.npz"
    np.savez(path, **arrays(q_rad=np.full((3, 1), np.longdouble("1e4000"))))
    assert np.isinf(load_stream(path, ROBOT).q_rad[:, ROBOT.index("left_elbow_pitch")]).all()


def test_a_stream_of_days_or_without_a_clock_is_refused():
    with pytest.raises(StreamInvalid, match="at most"):
        filter_stream(stream([0.0, LONGEST_S + 1], np.zeros((2, N))), ROBOT)
    with pytest.raises(StreamInvalid, match="no row"):
        filter_stream(stream([np.nan], np.zeros((1, N))), ROBOT)


def test_the_command_line_writes_the_contract(tmp_path, capsys):
    source, out = tmp_path / "in.npz", tmp_path / "sent.npz"
    np.savez(source, **arrays(q_rad=np.array([[-0.5], [np.nan], [-0.6]])))
    assert main(["filter", str(source), "--out", str(out)]) == 0
    with np.load(out) as sent:
        assert set(sent.files) == {
            "joint_names", "stamp_s", "q_rad", "reason",
            "q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3",
        }  # fmt: skip
        assert sent["q_rad"].shape == sent["reason"].shape == (len(sent["stamp_s"]), N)
        assert list(sent["joint_names"]) == list(ROBOT.joint_names)
        check_limits(sent["q_rad"])
    (tmp_path / "no.npz").write_bytes(b"nothing")
    assert main(["filter", str(tmp_path / "no.npz"), "--out", str(out)]) == 2
    assert "no.npz: is no .npz archive" in capsys.readouterr().err
