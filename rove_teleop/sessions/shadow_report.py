"""Two policies beside each other: how far the shadow's plans are from what the driving policy wanted, per group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..episodes.read import Episode, open_episode
from ..types import Array, Phase

SHADOW = 2


@dataclass(frozen=True)
class Disagreement:
    """Root mean square in rad per joint group, over ``ticks`` autonomous ticks that the shadow's plans cover.

    ``uncovered`` are autonomous ticks for which it had no plan. ``joints`` are those that both policies move.
    """

    policy: str
    shadow: str
    ticks: int
    uncovered: int
    joints: int
    rms_rad: dict[str, float]

    def sentence(self) -> str:
        """One line for a person."""
        groups = ", ".join(f"{name} {value:.3f} rad" for name, value in self.rms_rad.items()) or "no joint in common"
        share = 100 * self.ticks / max(self.ticks + self.uncovered, 1)
        return f"shadow {self.shadow} beside {self.policy}: differs by (rms) {groups}; had a plan in {share:.0f} %"


def disagreement(paths: Iterable[Path]) -> Disagreement | None:
    """Over sealed episodes; None when no shadow planned in any of them.

    Raises:
        DatasetInvalid: a path is no episode.
    """
    squares: dict[str, list[Array]] = {}
    names, covered, uncovered, joints = ("", ""), 0, 0, 0
    for path in paths:
        episode = open_episode(path)
        if not np.any(episode["policy/valid"] == SHADOW):
            continue
        names = str(episode.attributes["policy_id"]), str(episode.attributes.get("shadow_policy_id", "?"))
        autonomous = episode["control/phase"] == Phase.AUTONOMOUS
        apart_rad = shadow_target(episode)[autonomous] - episode["control/q_policy_rad"][autonomous]
        said = np.any(np.isfinite(apart_rad), axis=1)
        covered, uncovered = covered + int(said.sum()), uncovered + int((~said).sum())
        joints = max(joints, int(np.any(np.isfinite(apart_rad), axis=0).sum()))
        for group, index in _groups(episode).items():
            values = apart_rad[:, index]
            squares.setdefault(group, []).append(values[np.isfinite(values)] ** 2)
    if not names[0]:
        return None
    means = {group: np.concatenate(values) for group, values in squares.items()}
    rms_rad = {group: float(np.sqrt(np.mean(values))) for group, values in means.items() if len(values)}
    return Disagreement(*names, covered, uncovered, joints, rms_rad)


def shadow_target(episode: Episode) -> Array:
    """What the shadow wanted in every tick (ticks, joints) in rad: its newest plan; NaN where that says nothing."""
    stamp_s = episode["control/stamp_s"]
    target = np.full(episode["control/q_policy_rad"].shape, np.nan)
    plans = np.flatnonzero(episode["policy/valid"] == SHADOW)
    received_s = episode["policy/receive_s"][plans]
    begin = np.searchsorted(stamp_s, received_s)
    end = np.append(begin[1:], len(stamp_s))
    for k, first, last in zip(plans.tolist(), begin.tolist(), end.tolist(), strict=True):
        steps, slots = int(episode["policy/horizon"][k]), int(episode["policy/joint_count"][k])
        at_s = stamp_s[first:last] - episode["policy/receive_s"][k]
        offset_s, q_rad = episode["policy/offset_s"][k, :steps], episode["policy/q_rad"][k, :steps, :slots]
        for joint, column in zip(episode["policy/joint_index"][k, :slots].tolist(), q_rad.T, strict=True):
            target[first:last, joint] = np.interp(at_s, offset_s, column, right=np.nan)
    return target


def _groups(episode: Episode) -> Mapping[str, list[int]]:
    order = {name: k for k, name in enumerate(episode.attributes["joint_names"])}
    return {group: [order[name] for name in members] for group, members in episode.attributes["groups"].items()}
