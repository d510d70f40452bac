"""The robot's side follows one session, refuses nonsense, and stops alone when commands stop."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rove_teleop.errors import MessageRefused
from rove_teleop.robot_io.command_guard import RESUME_WITHIN_RAD, CommandGuard, Mode
from rove_teleop.robot_io.envelope import Envelope
from rove_teleop.robots.description import RobotDescription
from rove_teleop.types import RobotState

N = 3
DT_S = 0.004
TIMEOUT_S = 0.1
ROBOT = cast(
    RobotDescription,
    SimpleNamespace(
        joint_names=("a", "b", "c"),
        joint_count=N,
        dt_s=DT_S,
        home_rad=np.zeros(N),
        q_min_rad=np.full(N, -2.0),
        q_max_rad=np.full(N, 2.0),
        v_max_rad_s=np.full(N, 2.5),
        a_max_rad_s2=np.full(N, 20.0),
    ),
)


def at(now_s: float, q_rad: float = 0.0, dq_rad_s: float = 0.0) -> RobotState:
    return RobotState(now_s, np.full(N, q_rad), np.full(N, dq_rad_s))


def following(sequence: int = 10) -> CommandGuard:
    guard = CommandGuard(ROBOT, TIMEOUT_S)
    guard.activate(np.zeros(N))
    guard.offer(Envelope("s", 1, sequence), np.zeros(N), at(0.0))
    return guard


def reason_of(guard: CommandGuard, envelope: Envelope, q_rad: np.ndarray, state: RobotState) -> str:
    before = guard.target(state, 0.0).copy()
    with pytest.raises(MessageRefused) as refusal:
        guard.offer(envelope, q_rad, state)
    np.testing.assert_array_equal(guard.target(state, 0.0), before)
    return refusal.value.reason


def test_a_command_that_starts_elsewhere_is_refused_and_one_that_starts_here_is_followed() -> None:
    guard = CommandGuard(ROBOT, TIMEOUT_S)
    guard.activate(np.full(N, 0.3))
    away = np.array([0.3, 0.3, 0.3 + RESUME_WITHIN_RAD + 0.001])
    assert reason_of(guard, Envelope("s", 1, 1), away, at(0.0, 0.3)) == "not_here"
    assert guard.mode is Mode.HOLDING
    guard.offer(Envelope("s", 1, 2), np.full(N, 0.3), at(0.0, 0.3))
    assert guard.mode is Mode.FOLLOWING


@pytest.mark.parametrize(
    ("envelope", "q_rad", "reason"),
    [
        (Envelope("s", 1, 10), np.zeros(N), "old_sequence"),
        (Envelope("s", 1, 9), np.zeros(N), "old_sequence"),
        (Envelope("s", 0, 11), np.zeros(N), "old_epoch"),
        (Envelope("other", 1, 11), np.zeros(N), "other_session"),
        (Envelope("s", 1, 11), np.array([0.0, np.nan, 0.0]), "not_finite"),
        (Envelope("s", 1, 11), np.array([0.0, np.inf, 0.0]), "not_finite"),
        (Envelope("s", 1, 11), np.zeros(N + 1), "not_finite"),
        (Envelope("s", 1, 11), np.array([0.0, 0.051, 0.0]), "jump"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(envelope: Envelope, q_rad: np.ndarray, reason: str) -> None:
    assert reason_of(following(), envelope, q_rad, at(DT_S)) == reason


def test_lost_commands_widen_the_jump_that_is_believed_but_not_beyond_the_timeout() -> None:
    q_rad = np.full(N, 2.5 * DT_S * 10)
    following().offer(Envelope("s", 1, 10 + 6), q_rad, at(6 * DT_S))
    assert reason_of(following(), Envelope("s", 1, 11), q_rad, at(DT_S)) == "jump"
    assert reason_of(following(), Envelope("s", 1, 10**9), np.full(N, 0.5), at(DT_S)) == "jump"


def test_the_target_follows_no_faster_than_the_velocity_limit() -> None:
    guard = following()
    guard.offer(Envelope("s", 1, 11), np.full(N, 0.04), at(DT_S))
    reached = [float(guard.target(at(DT_S), DT_S)[0]) for _ in range(6)]
    np.testing.assert_allclose(np.diff([0.0, *reached]), [0.01, 0.01, 0.01, 0.01, 0.0, 0.0], atol=1e-12)


def test_commands_that_stop_end_in_a_hold_where_the_robot_stands() -> None:
    guard, moving = following(), at(TIMEOUT_S + 0.001, 0.2, 1.0)
    assert guard.target(at(TIMEOUT_S - 0.001), DT_S) is not None
    assert guard.mode is Mode.FOLLOWING
    targets = []
    for _ in range(20):
        targets.append(guard.target(moving, DT_S).copy())
    assert guard.mode is Mode.HOLDING
    assert guard.timeouts == 1
    steps = np.diff(np.array(targets)[:12, 0])
    assert (np.abs(np.diff(steps)) <= 20.0 * DT_S * DT_S + 1e-12).all()
    np.testing.assert_array_equal(guard.target(at(1.0, 0.9), DT_S), np.full(N, 0.2))


def test_the_same_session_resumes_only_from_where_the_robot_stands_and_with_a_newer_sequence() -> None:
    guard = following()
    while guard.mode is not Mode.HOLDING:
        guard.target(at(1.0), DT_S)
    assert reason_of(guard, Envelope("s", 1, 10), np.zeros(N), at(1.0)) == "old_sequence"
    assert reason_of(guard, Envelope("s", 1, 11), np.full(N, 0.06), at(1.0)) == "not_here"
    guard.offer(Envelope("s", 1, 11), np.full(N, 0.04), at(1.0))
    assert guard.mode is Mode.FOLLOWING


def test_another_session_may_take_over_only_after_silence() -> None:
    guard = following()
    assert reason_of(guard, Envelope("t", 1, 0), np.zeros(N), at(TIMEOUT_S)) == "other_session"
    guard.offer(Envelope("t", 1, 0), np.zeros(N), at(TIMEOUT_S + 0.001))
    assert reason_of(guard, Envelope("s", 1, 99), np.zeros(N), at(TIMEOUT_S + 0.002)) == "other_session"


def test_a_pose_outside_the_limits_is_followed_only_to_the_limit() -> None:
    guard = CommandGuard(ROBOT, TIMEOUT_S)
    guard.activate(np.full(N, 1.99))
    guard.offer(Envelope("s", 1, 1), np.full(N, 2.02), at(0.0, 1.99))
    for _ in range(10):
        target = guard.target(at(0.0, 1.99), DT_S)
    np.testing.assert_array_equal(target, np.full(N, 2.0))


ANYTHING = arrays(np.float64, N, elements=st.floats(allow_nan=True, allow_infinity=True))
NEAR = arrays(np.float64, N, elements=st.floats(-0.1, 0.1))


@given(
    commands=st.lists(
        st.tuples(
            st.sampled_from(["s", "t"]),
            st.integers(0, 3),
            st.integers(0, 60),
            st.one_of(NEAR, ANYTHING),
            st.sampled_from([0.004, 0.012, 0.2]),
        ),
        max_size=40,
    )
)
def test_no_stream_of_commands_makes_the_target_wild(commands: list) -> None:
    guard = CommandGuard(ROBOT, TIMEOUT_S)
    guard.activate(np.zeros(N))
    state = at(0.0)
    for session, epoch, sequence, q_rad, pause_s in commands:
        state = replace(state, stamp_s=state.stamp_s + pause_s)
        try:
            guard.offer(Envelope(session, epoch, sequence), q_rad, state)
        except MessageRefused as refusal:
            guard.refuse(refusal)
        target = guard.target(state, DT_S).copy()
        assert (np.abs(target - state.q_rad) <= 2.5 * DT_S + 1e-12).all()
        state = replace(state, q_rad=target)
    assert guard.accepted + sum(guard.refused.values()) == len(commands)
