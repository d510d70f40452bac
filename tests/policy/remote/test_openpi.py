import socket
import struct
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.errors import CheckpointInvalid, PolicyUnavailable
from rove_teleop.policy.remote.address import read_address
from rove_teleop.policy.remote.openpi import OpenpiLink
from rove_teleop.policy.remote.policy import RemotePolicy

from .serving import HOME_RAD, INDEX, JOINTS, ROBOT, SAID, answers, good, observation, stranger

# Whole files, folders or sockets: too long for the first minute.
pytestmark = pytest.mark.integration


@pytest.fixture
def connect():
    """Connect to an address; what was connected hangs up when the test ends."""
    opened = []

    def open_it(url, deadline_s=0.3, hang_s=0.5, patience_s=3.0):
        link = OpenpiLink(read_address(url), ROBOT)
        link.patience_s, link.hang_s = patience_s, hang_s
        opened.append(RemotePolicy(link, ROBOT, deadline_s))
        return opened[-1]

    yield open_it
    for policy in opened:
        policy.close()


def until_plan(policy, patience_s=3.0):
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        plan = policy.act(observation())
        if plan is not None:
            return plan
        time.sleep(0.02)
    raise AssertionError(f"no plan: {policy.refused} {policy.problem}")


def test_a_plan_is_bound_to_the_robot_by_name(connect):
    shuffled = list(reversed(JOINTS))
    with stranger(answers(good, said={**SAID, "joint_names": shuffled})) as url:
        policy = connect(url)
        plan = policy.act(observation())
    assert [ROBOT.joint_names[i] for i in plan.joint_index] == shuffled
    np.testing.assert_allclose(plan.q_rad, np.tile(HOME_RAD[::-1], (16, 1)), atol=1e-6)
    np.testing.assert_allclose(plan.offset_s, 0.05 * np.arange(1, 17))
    assert policy.execute_s == pytest.approx(0.4)


def test_a_server_that_says_nothing_of_itself_is_described_by_its_address(connect):
    seen = []

    def look(question, connection):
        seen.append(question)
        return {"actions": np.tile(question["joints"], (10, 1))}

    with stranger(answers(look, said={})) as url:
        policy = connect(
            f"{url}?joints=right_arm&hz=20&execute=5&size=64&state=joints&cameras=ego:observation/image,wrist"
        )
        picture = np.full((48, 64, 3), 200, np.uint8)
        plan = policy.act(observation(images={"ego": picture, "wrist": picture}))
    assert plan is not None
    assert policy.cameras == ("ego", "wrist")
    assert policy.execute_s == pytest.approx(0.25)
    assert seen[0]["observation/image"].shape == (64, 64, 3)
    assert seen[0]["observation/images/wrist"].dtype == np.uint8
    assert seen[0]["prompt"] == "toast the bread"


@pytest.mark.parametrize(
    ("said", "settings", "words"),
    [
        ({}, "?hz=20", r"joints=GROUP_OR_JOINT.*right_arm"),
        ({}, "?joints=right_arm", r"hz=ROWS_PER_SECOND"),
        ({}, "?joints=tail&hz=20", r"\['tail'\].*right_elbow"),
        (SAID, "?joints=left_arm", r"moves \['right_.*joints=left_"),
        (SAID, "?hz=30", r"20 Hz.*hz=30"),
        ({**SAID, "joint_names": [JOINTS[0]] * 2}, "", "twice"),
        ({**SAID, "step_s": float("nan")}, "", "step_s is nan"),
        ({**SAID, "horizon": 0}, "", "horizon is 0"),
        (
            {**SAID, "q_min_rad": np.zeros(7), "q_max_rad": np.ones(7)},
            "",
            r"trained with q_m.._rad .* robot 'iron_r01'",
        ),
        ({**SAID, "q_min_rad": np.zeros(3), "q_max_rad": np.ones(3)}, "", "q_min_rad of 3 joints"),
    ],
)
def test_a_misfit_is_refused_at_once_with_both_sides(connect, said, settings, words):
    with stranger(answers(good, said=said)) as url:
        begun_s = time.monotonic()
        with pytest.raises(CheckpointInvalid, match=words):
            connect(url + settings)
        assert time.monotonic() - begun_s < 2.0


def test_nobody_there_is_one_sentence(connect):
    with pytest.raises(PolicyUnavailable, match=r"ws://127\.0\.0\.1:9 cannot be reached"):
        connect("ws://127.0.0.1:9", patience_s=0.4)


def test_another_version_of_our_names_is_refused(connect):
    with stranger(answers(good, said={**SAID, "rove/version": 2})) as url:
        with pytest.raises(PolicyUnavailable, match="speaks version 2 .* this is version 1"):
            connect(url, patience_s=0.4)


@pytest.mark.parametrize("greeting", [b"\xc1nonsense", "Hello, this is a chat server.", b"\x93\x01\x02\x03"])
def test_what_is_no_policy_server_at_all_is_refused(connect, greeting):
    with stranger(lambda connection, number: connection.send(greeting)) as url:
        with pytest.raises(PolicyUnavailable, match="policy server|not msgpack|not a map"):
            connect(url, patience_s=0.4)


BROKEN = {
    "wrong shape": {"actions": np.zeros((16, 3), np.float32)},
    "not finite": {"actions": np.full((16, 7), np.nan, np.float32)},
    "no plan": {"state": np.zeros(7)},
    "text": {"actions": "forward"},
    "flat": {"actions": np.tile(HOME_RAD, 16)},
    "empty": {"actions": np.zeros((0, 7))},
    "degrees": {"actions": np.tile(np.rad2deg(HOME_RAD), (16, 1))},
    "elsewhere": {"actions": np.tile(np.roll(HOME_RAD, 1), (16, 1))},
    "times": {"actions": np.tile(HOME_RAD, (16, 1)), "rove/offset_s": np.arange(3.0)},
    "value": {"actions": np.tile(HOME_RAD, (16, 1)), "rove/value": np.arange(2.0)},
    "validity": {"actions": np.tile(HOME_RAD, (16, 1)), "rove/valid_s": float("nan")},
    "not msgpack": b"\xc1\xc1",
    "short array": {"actions": {b"__ndarray__": True, b"data": b"x", b"dtype": "<f8", b"shape": [5]}},
    "objects": {"actions": {b"__ndarray__": True, b"data": bytes(8), b"dtype": "|O", b"shape": [1]}},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_answer_that_cannot_be_used_is_counted_and_the_next_one_is_used(connect, kind):
    with stranger(answers(BROKEN[kind], good)) as url:
        policy = connect(url)
        assert policy.act(observation()) is None
        assert sum(policy.refused.values()) == 1
        assert policy.problem is not None
        assert policy.act(observation()) is not None, policy.problem
        assert policy.problem is None


def test_an_error_frame_is_counted_told_and_followed_by_a_new_connection(connect):
    def behave(connection, number):
        if number == 1:
            return answers("Traceback (most recent call last):\n  ...\nValueError: no CUDA")(connection, number)
        return answers(good)(connection, number)

    with stranger(behave) as url:
        policy = connect(url)
        assert policy.act(observation()) is None
        assert policy.refused["error of the server"] == 1
        assert "ValueError: no CUDA" in policy.problem
        until_plan(policy)


def test_a_late_answer_is_dropped_and_never_taken_for_the_next(connect):
    release = threading.Event()

    def late(question, connection):
        release.wait(5.0)
        return {"actions": np.tile(question["observation/state"] + 0.1, (16, 1))}

    with stranger(answers(late, good)) as url:
        policy = connect(url, deadline_s=0.05, hang_s=5.0)
        begun_s = time.monotonic()
        assert policy.act(observation()) is None
        assert policy.act(observation()) is None
        assert time.monotonic() - begun_s < 0.3
        assert policy.refused == {"deadline missed": 1, "still busy with a late question": 1}
        release.set()
        plan = until_plan(policy)
    np.testing.assert_allclose(plan.q_rad[0], HOME_RAD, atol=1e-6)


def test_a_server_that_hangs_is_left_and_its_answer_with_it(connect):
    """The first connection answers after it was given up; only what was asked on the second one is used."""
    release, asked = threading.Event(), []

    def behave(connection, number):
        def answer(question, link):
            asked.append((number, question["rove/seq"]))
            if number == 1:
                release.wait(5.0)
                return {"actions": np.tile(question["observation/state"] + 0.1, (16, 1))}
            release.set()
            return good(question)

        return answers(answer, answer)(connection, number)

    with stranger(behave) as url:
        policy = connect(url, deadline_s=0.1, hang_s=0.3)
        assert policy.act(observation()) is None
        plan = until_plan(policy)
    assert policy.refused["hangs"] == 1
    assert [number for number, _ in asked] == [1, 2]
    assert asked[1][1] > asked[0][1], "nothing is asked twice"
    np.testing.assert_allclose(plan.q_rad[0], HOME_RAD, atol=1e-6)


def test_an_answer_to_another_question_ends_the_connection(connect):
    def confused(question, connection):
        return {**good(question), "rove/seq": question["rove/seq"] - 1}

    def behave(connection, number):
        return answers(confused if number == 1 else good, good)(connection, number)

    with stranger(behave) as url:
        policy = connect(url)
        assert policy.act(observation()) is None
        assert policy.refused["out of order"] == 1
        until_plan(policy)


def test_a_server_that_dies_in_the_middle_of_a_message(connect):
    def cut(question, connection):
        # A frame that announces 70000 bytes and ends after three.
        connection.socket.sendall(b"\x82\x7f" + struct.pack(">Q", 70_000) + b"abc")
        connection.socket.shutdown(socket.SHUT_RDWR)

    def behave(connection, number):
        return answers(cut if number == 1 else good, good)(connection, number)

    with stranger(behave) as url:
        policy = connect(url)
        assert policy.act(observation()) is None
        assert policy.refused["connection lost"] == 1
        until_plan(policy)


def test_without_a_server_nothing_waits_and_when_it_is_back_plans_come(connect):
    with stranger(answers(good, good)) as url:
        port = int(url.rpartition(":")[2])
        policy = connect(url)
        assert policy.act(observation()) is not None
    for _ in range(3):
        policy.act(observation())
        time.sleep(0.05)
    begun_s = time.monotonic()
    assert policy.act(observation()) is None
    assert time.monotonic() - begun_s < 0.05
    assert policy.refused["no connection"] >= 1
    assert "cannot be reached" in policy.problem or "went away" in policy.problem
    with stranger(answers(good, good), port):
        until_plan(policy)


def test_another_policy_behind_the_same_address_is_not_used(connect):
    with stranger(answers(good, said={**SAID, "policy": "a"})) as url:
        port = int(url.rpartition(":")[2])
        policy = connect(url)
        assert policy.act(observation()) is not None
    with stranger(answers(good, said={**SAID, "policy": "b"}), port):
        deadline_s = time.monotonic() + 3.0
        while not policy.refused["does not fit"] and time.monotonic() < deadline_s:
            assert policy.act(observation()) is None
            time.sleep(0.02)
        assert "start a new session" in policy.problem


def test_a_feature_that_the_task_lacks_is_refused_with_both_sides(connect):
    with stranger(answers(good, said={**SAID, "feature_names": ["heat"]})) as url:
        policy = connect(url)
        with pytest.raises(CheckpointInvalid, match=r"\['heat'\].*\['gap', 'ink'\]"):
            policy.act(observation())


def test_a_picture_that_is_missing_is_counted_and_nothing_is_asked(connect):
    with stranger(answers(good, said={**SAID, "cameras": ["ego"]})) as url:
        policy = connect(url)
        assert policy.act(observation()) is None
        assert policy.refused == {"no image": 1}


def test_measured_and_commanded_joints_go_out_in_the_policys_order(connect):
    seen = []

    def look(question, connection):
        seen.append(question)
        return good(question)

    with stranger(answers(look)) as url:
        connect(url).act(replace(observation(np.arange(ROBOT.joint_count) * 1e-3), stamp_s=7.5, delay_s=0.25))
    assert (seen[0]["rove/stamp_s"], seen[0]["rove/delay_s"]) == (7.5, 0.25)
    np.testing.assert_allclose(seen[0]["observation/state"], INDEX * 1e-3, atol=1e-7)
    np.testing.assert_allclose(seen[0]["rove/q_commanded_rad"], INDEX * 1e-3, atol=1e-7)
