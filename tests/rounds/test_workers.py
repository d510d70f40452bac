"""One process or several: the same results in the same order, and one sentence when something goes wrong."""

import copy
import os
import signal

import pytest

from rove_teleop.errors import MessageRefused, PolicyUnavailable, StageLost
from rove_teleop.rounds.workers import Workers


def square(number):
    return number * number, os.getpid()


def fussy(number):
    if number == 2:
        raise PolicyUnavailable("odd", f"no plan for {number}")
    return number


def deadly(number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_one_worker_is_this_process():
    seen = []
    with Workers(1) as workers:
        assert workers.map(square, [3, 1, 2], lambda *how: seen.append(how)) == [
            (n * n, os.getpid()) for n in (3, 1, 2)
        ]
        with pytest.raises(PolicyUnavailable, match="no plan for 2"):
            workers.map(fussy, [1, 2, 3])
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("kind", [PolicyUnavailable, MessageRefused])
def test_errors_travel_between_processes(kind):
    error = copy.copy(kind("late", "it came late"))  # as processes rebuild it
    assert (type(error), error.reason, str(error)) == (kind, "late", "it came late")


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_several_processes():
    before = dict(os.environ)
    with Workers(2) as workers:
        found = workers.map(square, list(range(12)))
        assert [result for result, _ in found] == [n * n for n in range(12)]
        assert os.getpid() not in {process for _, process in found}
        assert {p for _, p in workers.map(square, list(range(12)))} <= {p for _, p in found}, "they stay"
        with pytest.raises(PolicyUnavailable, match="no plan for 2"):
            workers.map(fussy, [1, 2, 3])
        with pytest.raises(StageLost, match=r"a worker process died .* of 3 jobs; .* the same command goes on"):
            workers.map(deadly, [0, 1, 2])
        assert [result for result, _ in workers.map(square, [5])] == [25], "others take their place"
    assert dict(os.environ) == before
