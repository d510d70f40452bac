"""Promises about who drove: phase, state, authority, driver and weight agree, and every change was asked for."""

from __future__ import annotations

import numpy as np

from ...types import Authority, Phase, Reason
from .log import Log, Rows, rows_where

NOBODY, POLICY, OPERATOR = 0, 1, 2
PHASE_OF = {
    "idle": Phase.UNLABELLED, "autonomous": Phase.AUTONOMOUS, "paused": Phase.PAUSED, "adaptation": Phase.ADAPTATION,
    "recovery": Phase.RECOVERY, "returning": Phase.UNLABELLED, "done": Phase.UNLABELLED, "hold": Phase.PAUSED,
    "fault": Phase.PAUSED, "rewinding": Phase.REWIND,
}  # fmt: skip
HUMAN, AUTOMATIC, STOPPED = ("adaptation", "recovery"), ("autonomous", "returning"), ("paused", "hold", "fault")
OVER = ("idle", "done")


def known_values(log: Log) -> list[str]:
    """Numbers that stand for words are ones that have a word."""
    bits = np.bitwise_or.reduce([int(reason) for reason in Reason])
    known = (
        ("phase", [int(phase) for phase in Phase]),
        ("authority", [int(authority) for authority in Authority]),
        ("driver", [NOBODY, POLICY, OPERATOR]),
    )
    problems = []
    for name, values in known:
        rows = ~np.isin(log.control(name), values)
        problems += rows_where(_any(rows), f"control/{name} has a number without a meaning")
    if log.attributes.get("state_names"):
        rows = log.control("state") >= len(log.attributes["state_names"])
        problems += rows_where(rows, "control/state has a number without a name")
    return problems + rows_where(
        _any((log.control("reason") & ~np.uint32(bits)) != 0), "control/reason has unknown bits"
    )


def phase_follows_state(log: Log) -> list[str]:
    """Every state has one phase; rewinds and pauses are never anybody's skill."""
    if not log.has_states:
        return []
    phase, wrong = log.control("phase"), np.zeros(len(log.tick), np.bool_)
    for name, expected in PHASE_OF.items():
        wrong |= log.in_state(name) & (phase != expected)
    return rows_where(wrong, "control/phase is not the phase of control/state")


def driver_follows_state(log: Log) -> list[str]:
    """Nobody should drive a stopped robot, and only the policy an autonomous one."""
    if not log.has_states:
        return []
    driver, judged = log.control("driver"), ~_just_stopped(log)
    still = log.in_state(*STOPPED, *OVER)
    rewinding = log.in_state("rewinding")
    return [
        *rows_where(still & judged & np.any(driver != NOBODY, axis=1), "somebody should drive a stopped robot"),
        *rows_where(
            log.in_state(*AUTOMATIC) & np.any(driver != POLICY, axis=1), "not the policy should drive while autonomous"
        ),
        *rows_where(log.in_state(*HUMAN) & np.any(driver == NOBODY, axis=1), "nobody should drive in an intervention"),
        *rows_where(rewinding & np.any(driver == OPERATOR, axis=1), "the operator should drive in a rewind"),
    ]


def authority_follows_driver(log: Log) -> list[str]:
    """Whoever is said to have computed a command was one who should drive; else it was a hold or a stop."""
    if not log.has_states:
        return []
    authority, driver = log.control("authority"), log.control("driver")
    over = log.in_state("fault", *OVER)
    return [
        *rows_where(
            (authority == Authority.HUMAN) & ~np.any(driver == OPERATOR, axis=1), "human, but no group is theirs"
        ),
        *rows_where((authority == Authority.POLICY) & ~np.any(driver == POLICY, axis=1), "policy, but no group is its"),
        *rows_where((authority == Authority.REWIND) & ~log.in_state("rewinding"), "rewind outside of a rewind"),
        *rows_where((authority == Authority.HOLD) & over, "hold in a state that is a stop"),
        *rows_where((authority == Authority.STOP) & ~over, "stop in a state that is none"),
    ]


def human_only_when_taken(log: Log) -> list[str]:
    """A human command is an intervention's: no trainer meets one that is labelled otherwise."""
    if not log.has_states:
        return []
    wrong = (log.control("authority") == Authority.HUMAN) & ~log.in_state(*HUMAN) & ~_just_stopped(log)
    return rows_where(wrong, "a human command outside of an intervention")


def target_follows_authority(log: Log) -> list[str]:
    """Something is asked of the filter exactly where somebody drives."""
    if not log.has_states:
        return []
    asked = np.isfinite(log.control("q_target_rad"))
    driven = np.isin(log.control("authority"), (Authority.POLICY, Authority.HUMAN, Authority.REWIND))
    problems = rows_where(driven != np.any(asked, axis=1), "control/q_target_rad and control/authority disagree")
    nobody = log.control("driver") == NOBODY
    for k, joints in enumerate(log.group_joints):
        wrong = nobody[:, k] & np.any(asked[:, joints], axis=1)
        problems += rows_where(wrong, f"something is asked of {list(log.attributes['groups'])[k]} for nobody")
    return problems


def weight_is_a_share(log: Log) -> list[str]:
    """The operator's share is from 0 to 1."""
    weight = log.control("weight")
    return rows_where(_any(~((weight >= 0.0) & (weight <= 1.0))), "control/weight is not from 0 to 1")


def weight_needs_a_driver(log: Log) -> list[str]:
    """A group that nobody should drive has no share of the operator."""
    if not log.has_states:
        return []
    wrong = (log.control("driver") == NOBODY) & (log.control("weight") != 0.0)
    return rows_where(_any(wrong), "control/weight of a group that nobody drives is not 0")


def weight_goes_to_the_driver(log: Log) -> list[str]:
    """While a group has one driver its share only goes towards them."""
    if not log.has_states or len(log.tick) < 2:
        return []
    weight, driver = log.control("weight"), log.control("driver")
    same = (driver[1:] == driver[:-1]) & (weight[1:] > 0.0) & (weight[:-1] > 0.0) & log.follows[1:, None]
    step = np.diff(weight, axis=0)
    wrong = same & (((driver[1:] == OPERATOR) & (step < -1e-12)) | ((driver[1:] == POLICY) & (step > 1e-12)))
    return rows_where(np.append(False, _any(wrong)), "control/weight goes away from the driver")


def protocol_as_agreed(log: Log) -> list[str]:
    """Only protocol ``hand_back`` goes on with the policy after an intervention."""
    if not log.has_states or log.attributes["protocol"] not in ("complete", "end"):
        return []
    human = np.logical_or.accumulate(log.in_state(*HUMAN))
    wrong = human & log.in_state(*AUTOMATIC)
    return rows_where(wrong, f"protocol '{log.attributes['protocol']}', but the policy went on after an intervention")


def groups_stay_taken(log: Log) -> list[str]:
    """Within an intervention no joint group changes hands."""
    if not log.has_states or len(log.tick) < 2:
        return []
    driver, human = log.control("driver"), log.in_state(*HUMAN)
    stamp_s = log.control("stamp_s")
    again = np.searchsorted(stamp_s, [c.time_s for c in log.changes if c.after == "adaptation"])
    taken = np.zeros(len(stamp_s) + 1, np.bool_)
    taken[again] = True
    same = human[1:] & human[:-1] & log.follows[1:] & ~taken[1:-1]
    return rows_where(
        np.append(False, same & _any(driver[1:] != driver[:-1])), "a group changed hands without a takeover"
    )


def _just_stopped(log: Log) -> Rows:
    """(ticks,) control may notice at the end of a tick that it must stop: its row still says who drove in it."""
    stopped = log.in_state("hold", "fault")
    entered = stopped & np.append(True, log.control("state")[1:] != log.control("state")[:-1])
    told = np.searchsorted(log.control("stamp_s"), [c.time_s for c in log.changes if c.after in ("hold", "fault")])
    noticed = np.zeros(len(stopped) + 1, np.bool_)
    noticed[told] = True
    result: Rows = entered | (stopped & noticed[:-1])
    return result


def _any(wrong: Rows) -> Rows:
    return np.any(wrong, axis=1) if wrong.ndim > 1 else wrong
