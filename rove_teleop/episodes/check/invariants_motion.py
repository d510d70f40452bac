"""Promises about motion: it begins where the robot stands, ends in time, and stops when something it needs is lost."""

from __future__ import annotations

import numpy as np

from ...types import Array, Authority, Reason
from .invariants_control import AUTOMATIC, HUMAN, OVER
from .log import Log, lasting, rows_where

# What control promises whatever is configured; docs/architecture.md has the table.
OPERATOR_S, FIRST_CHUNK_S, CHUNK_GAP_S, HELD_UP_S, FOLLOWING_S, FOLLOWING_RAD = 0.1, 5.0, 0.5, 0.1, 0.25, 0.25
REWIND_SLACK_RAD = 0.05


def measured_always(log: Log) -> list[str]:
    """Control runs on a measurement: every row has one."""
    if not log.has_states:
        return []
    both = np.isfinite(log.control("q_measured_rad")) & np.isfinite(log.control("dq_measured_rad_s"))
    return rows_where(~np.all(both, axis=1), "the robot was not measured")


def silence_only_when_stopped(log: Log) -> list[str]:
    """Nothing is sent only in a fault or outside of an episode."""
    if not log.has_states:
        return []
    nothing = np.all(np.isnan(log.control("q_sent_rad")), axis=1)
    withheld = np.any(log.control("reason") & int(Reason.CHECK_FAILED), axis=1)
    return rows_where(nothing & ~withheld & ~log.in_state("fault", *OVER), "nothing was sent in an episode")


def begins_where_it_stands(log: Log) -> list[str]:
    """The first command of an episode, and the first after a fault, is where the robot was measured."""
    j_max, low, high = log.limit("j_max_rad_s3"), log.limit("q_min_rad"), log.limit("q_max_rad")
    if not log.has_states or j_max is None or low is None or high is None:
        return []
    begins = log.begins & log.follows & ~log.in_state(*OVER)
    begins[0] = log.attributes.get("first_tick") == int(log.tick[0]) and not log.in_state("fault", *OVER)[0]
    away = np.abs(log.control("q_sent_rad") - np.clip(log.control("q_measured_rad"), low, high))
    # A start may be measured a little outside its limits; the first tick is already motion, of a tick of jerk.
    wrong = begins & np.any(away > j_max * log.dt_s**3 * (1.0 + 1e-6) + 1e-9, axis=1)
    return rows_where(wrong, "commands begin where the robot is not")


def stops_in_time(log: Log) -> list[str]:
    """A joint that shall come to rest does, within the time that its limits allow, and stays there."""
    if not log.has_states or log.attributes["limits"] is None or len(log.tick) < 2:
        return []
    ticks = np.ceil(stop_s(log) / log.dt_s) + 2
    q, holding = log.control("q_sent_rad"), (log.control("reason") & int(Reason.HOLDING)) != 0
    breaks = ~log.follows | log.begins
    moved = np.zeros(q.shape, np.bool_)
    moved[1:] = np.abs(np.diff(q, axis=0)) > 1e-12
    for joint, name in enumerate(log.attributes["joint_names"]):
        late = lasting(holding[:, joint], breaks) > ticks[joint]
        if np.any(late & moved[:, joint]):
            return rows_where(late & moved[:, joint], f"{name} still moves though it should have stopped")
    return []


def still_when_nobody_drives(log: Log) -> list[str]:
    """Where the command is nobody's, every joint is coming to rest."""
    if not log.has_states:
        return []
    nobody = np.isin(log.control("authority"), (Authority.HOLD, Authority.STOP))
    holding = np.all(log.control("reason") & int(Reason.HOLDING), axis=1)
    return rows_where(nobody & ~holding, "nobody drives, and a joint is not coming to rest")


def operator_in_time(log: Log) -> list[str]:
    """An intervention ends in the tick in which the operator's newest target is too old."""
    if not log.has_states:
        return []
    wrong = log.in_state(*HUMAN) & ~(log.control("operator_age_s") <= OPERATOR_S + 1e-9)
    return rows_where(wrong, f"an intervention goes on with an operator's target older than {OPERATOR_S:g} s")


def policy_in_time(log: Log) -> list[str]:
    """A policy that is silent for too long drives no more."""
    if not log.has_states:
        return []
    stamp_s, heard = log.control("stamp_s"), np.any(np.isfinite(log.control("q_policy_rad")), axis=1)
    last_s = np.maximum.accumulate(np.where(heard, stamp_s, -np.inf))
    waited_s = stamp_s - np.maximum(last_s, stamp_s[0])
    patience_s = np.where(np.isfinite(last_s), CHUNK_GAP_S, FIRST_CHUNK_S)
    wrong = log.in_state(*AUTOMATIC) & (waited_s > patience_s + 2 * log.dt_s)
    return rows_where(wrong, "the policy goes on driving without a chunk")


def held_up_is_a_fault(log: Log) -> list[str]:
    """After a pause of the loop the robot has stopped by itself, so control does too."""
    if not log.has_states or len(log.tick) < 2:
        return []
    late = np.append(False, np.diff(log.control("stamp_s")) > HELD_UP_S + 1e-9) & log.follows
    wrong = late & ~log.in_state("fault", *OVER)
    return rows_where(wrong, f"control stood still for more than {HELD_UP_S:g} s and went on")


def robot_follows(log: Log) -> list[str]:
    """A joint that is far from its command for too long is a fault; fingers close on things and may."""
    if not log.has_states or len(log.tick) < 2:
        return []
    body = [k for name, k in zip(log.attributes["groups"], log.group_joints, strict=True) if not name.endswith("_hand")]
    if not body:
        return []
    joints = np.concatenate(body)
    away = np.abs(log.control("q_measured_rad")[1:, joints] - log.control("q_sent_rad")[:-1, joints])
    far = np.append(False, np.any(away > FOLLOWING_RAD + 1e-6, axis=1)) & ~log.in_state("fault", *OVER)
    stamp_s = log.control("stamp_s")
    count = lasting(far, ~log.follows)
    begun_s = stamp_s[np.arange(len(far)) - np.maximum(count, 1) + 1]
    wrong = (count > 0) & (stamp_s - begun_s > FOLLOWING_S + 2 * log.dt_s)
    return rows_where(wrong, "a joint is far from its command and control goes on")


def rewind_goes_back(log: Log) -> list[str]:
    """A rewind stays where the robot had been."""
    if not (log.has_states and log.whole):
        return []
    rewinding, q = log.in_state("rewinding"), log.control("q_sent_rad")
    if not np.any(rewinding):
        return []
    been = np.where(rewinding[:, None], np.nan, q)
    highest = np.fmax.accumulate(been, axis=0) + REWIND_SLACK_RAD
    lowest = np.fmin.accumulate(been, axis=0) - REWIND_SLACK_RAD
    wrong = rewinding & np.any((q > highest) | (q < lowest), axis=1)
    return rows_where(wrong, "a rewind goes where the robot had not been")


def lost_ticks_hide_no_jump(log: Log) -> list[str]:
    """Over ticks that are not in the log the robot went no further than they allow."""
    v_max, q = log.limit("v_max_rad_s"), log.control("q_sent_rad")
    if v_max is None or len(log.tick) < 2 or not log.has_states:
        return []
    gap = np.diff(log.tick) > 1
    furthest = np.diff(log.tick)[:, None] * log.dt_s * v_max + 1e-9
    wrong = gap & np.any(np.abs(np.diff(q, axis=0)) > furthest, axis=1)
    # A fault in between begins anew where the robot stands.
    fault = log.in_state("fault", *OVER)
    return rows_where(np.append(False, wrong & ~fault[:-1] & ~fault[1:]), "a jump over lost ticks")


def never_faster_than_its_rate(log: Log) -> list[str]:
    """Ticks that were late are left out, never caught up: a burst of them would be a jump."""
    if not log.has_states:
        return []
    ahead_s = log.control("stamp_s") - log.tick * log.dt_s
    caught_up_s = np.maximum.accumulate(ahead_s) - ahead_s
    return rows_where(caught_up_s > 3.0 * log.dt_s, "control caught up on late ticks")


def lowered_speed_is_kept(log: Log) -> list[str]:
    """A share of the velocity limits is kept from the end of a stop on."""
    v_max, q, stamp_s = log.limit("v_max_rad_s"), log.control("q_sent_rad"), log.control("stamp_s")
    if not log.has_states or v_max is None or len(log.tick) < 2:
        return []
    share, last = np.ones(len(stamp_s)), 1.0
    for time_s, said in log.told("limits"):
        told = float(said.get("speed_scale", last))
        # A joint that was faster has the time of a stop; a raised speed counts at once.
        share[stamp_s > time_s + (float(np.max(stop_s(log))) if told < last else 0.0)] = told
        last = told
    speed = np.abs(np.diff(q, axis=0)) / log.dt_s
    wrong = (log.follows & ~log.begins)[1:] & np.any(speed > share[1:, None] * v_max * (1.0 + 1e-6) + 1e-9, axis=1)
    return rows_where(np.append(False, wrong & (share[1:] < 1.0)), "a lowered speed is not kept")


def stop_s(log: Log) -> Array:
    """The longest stop of each joint (n,): from full speed and acceleration, with the path's shares of the limits."""
    v, a, j = (np.array(log.attributes["limits"][key]) for key in ("v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3"))
    path = log.attributes.get("path") or {}
    # A share that is lowered makes its part longer; speed only shortens the stop.
    a = a * float(path.get("acceleration_share", 1.0))
    j = j * float(path.get("jerk_share", 1.0))
    longest: Array = v / a + 3.0 * a / j
    return longest
