"""An episode's control rows as ROS 2 messages: what was measured, asked and sent, who drove, and why not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..episodes.edit.overlay import Labels
from ..types import Authority, Phase
from .mcap_values import JOINTS, NUMBERS, STRING, Stamped, Topic, Values

_NUMBER = "std_msgs/msg/UInt8"
_BITS = "std_msgs/msg/UInt32MultiArray"


def row_topics(values: Values, labels: Labels) -> list[Topic]:
    """Named and typed as in a live session (docs/architecture.md); what is not sent there is below ``/rove``."""
    time_ns = values.ns(values.array("control/stamp_s"))
    authority, state = values.array("control/authority"), values.array("control/state")
    groups, states = list(values.episode.attributes["groups"]), values.episode.attributes["state_names"]
    reason = values.array("control/reason")
    changed = np.flatnonzero(np.any(np.diff(reason.astype(np.int64), axis=0, prepend=-1) != 0, axis=1))
    return [
        ("/joint_states", JOINTS, _joint_states(values, time_ns, "q_measured_rad", "dq_measured_rad_s")),
        ("/joint_commands", JOINTS, _joint_states(values, time_ns, "q_sent_rad")),
        ("/operator/targets", JOINTS, _joint_states(values, time_ns, "q_operator_rad")),
        ("/rove/policy_targets", JOINTS, _joint_states(values, time_ns, "q_policy_rad")),
        ("/rove/targets", JOINTS, _joint_states(values, time_ns, "q_target_rad")),
        ("/rove/phase", STRING, _changes(values, time_ns, labels.phase, lambda value: _name(Phase, value))),
        ("/rove/authority", STRING, _changes(values, time_ns, authority, lambda value: _name(Authority, value))),
        ("/rove/state", STRING, _changes(values, time_ns, state, lambda value: _item(states, value))),
        ("/rove/phase_number", _NUMBER, _numbers(values, time_ns, labels.phase)),
        ("/rove/authority_number", _NUMBER, _numbers(values, time_ns, authority)),
        ("/rove/weight", NUMBERS, values.arrays(NUMBERS, groups, time_ns, values.array("control/weight"))),
        ("/rove/reason_bits", _BITS, values.arrays(_BITS, values.joints, time_ns[changed], reason[changed])),
    ]


def _joint_states(values: Values, time_ns: NDArray[np.int64], position: str, velocity: str | None = None) -> Stamped:
    """One message per row, with the joints that have a value; none where no joint has one."""
    q_rad = values.array(f"control/{position}")
    nothing = np.zeros(0)
    dq_rad_s = values.array(f"control/{velocity}") if velocity else np.zeros((len(q_rad), 0))
    kind, there = values.make[JOINTS], np.isfinite(q_rad)
    whole = there.all(axis=1)
    for row in np.flatnonzero(there.any(axis=1)).tolist():
        stamp_ns, position_rad, speed_rad_s, names = int(time_ns[row]), q_rad[row], dq_rad_s[row], values.joints
        if not whole[row]:
            known = there[row]
            names = [name for name, has in zip(names, known.tolist(), strict=True) if has]
            position_rad, speed_rad_s = position_rad[known], speed_rad_s[known] if velocity else nothing
        yield stamp_ns, kind(values.header(stamp_ns), names, np.array(position_rad), np.array(speed_rad_s), nothing)


def _changes(
    values: Values, time_ns: NDArray[np.int64], codes: NDArray[np.uint8], name: Callable[[int], str]
) -> Stamped:
    """A text at the first row, and wherever it becomes another."""
    kind = values.make[STRING]
    for row in np.flatnonzero(np.diff(codes.astype(np.int64), prepend=-1) != 0).tolist():
        yield int(time_ns[row]), kind(name(int(codes[row])))


def _numbers(values: Values, time_ns: NDArray[np.int64], codes: NDArray[np.uint8]) -> Stamped:
    kind = values.make[_NUMBER]
    for stamp_ns, value in zip(time_ns.tolist(), codes.tolist(), strict=True):
        yield stamp_ns, kind(value)


def _name(names: type[Phase] | type[Authority], value: int) -> str:
    return names(value).name.lower() if value in set(names) else str(value)


def _item(names: list[str], value: int) -> str:
    return names[value] if value < len(names) else str(value)
