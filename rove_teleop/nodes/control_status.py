"""The state of control as JSON: what the console shows, and what a session waits for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from ..control.inputs import age_s
from ..control_loop import ControlLoop, Tick
from ..handover.alignment import Alignment
from ..handover.states import HUMAN_STATES, allowed


def control_status(loop: ControlLoop, tick: Tick) -> dict[str, object]:
    """Who drives and why, what is possible, how old every input is. Numbers are finite or null."""
    shadow_rad = loop.record.disagreement.rms_rad if tick.state in HUMAN_STATES else {}
    return {
        "state": tick.state.name.lower(),
        "phase": tick.phase.name.lower(),
        "authority": tick.authority.name.lower(),
        "reason": loop.handover.reason,
        "outcome": loop.handover.outcome,
        "weight": {name: round(float(w), 3) for name, w in zip(loop.robot.groups, tick.weight, strict=True)},
        "operator_age_s": _finite(tick.operator_age_s),
        "policy_age_s": _finite(tick.policy_age_s),
        "state_age_s": _finite(age_s(loop.inputs.measured, tick.stamp_s)),
        "alarm": loop.alarm,
        "alignment": alignment_status(loop.alignment, loop.robot.joint_names, loop.takeover_groups),
        "takeover_groups": None if loop.takeover_groups is None else list(loop.takeover_groups),
        "disagreement_rad": _rounded(shadow_rad),
        "speed_scale": loop.speed.share,
        "rewind_s": round(loop.rewind.remembered_s, 1),
        "allowed": list(allowed(tick.state)),
    }


def alignment_status(
    alignment: Alignment | None, joint_names: tuple[str, ...], taken: Collection[str] | None
) -> dict[str, object] | None:
    """The gate's answer as JSON, for the groups that a takeover would take and for each group by itself."""
    worst = alignment.worst(taken) if alignment is not None else None
    if alignment is None or worst is None:
        return None
    return {
        "aligned": alignment.aligned(taken),
        "worst_joint": joint_names[worst[1].worst_joint],
        "error_rad": _finite(worst[1].error_rad),
        "misaligned": alignment.misaligned(joint_names, taken),
        "groups": {
            name: {
                "aligned": group.aligned,
                "worst_joint": joint_names[group.worst_joint],
                "error_rad": _finite(group.error_rad),
                "within_rad": group.within_rad,
            }
            for name, group in alignment.groups.items()
        },
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
