"""What a critic learns from an episode, as the paper has it: a reward per step, the pause cut, the failure at t_r.

Every step costs -1. The last one costs nothing when the episode succeeds, and ``c_fail`` when it fails. Where a person
had to take over, ``c_fail`` stands at t_r, the first step after adaptation: what came before it led to failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Authority, Phase

KEPT_PHASES = (Phase.AUTONOMOUS, Phase.ADAPTATION, Phase.RECOVERY)
OUTCOMES = ("success", "failure")
FEWEST_STEPS = 2


class Said(Protocol):
    """What is said of an episode: ``episodes.overlay.Labels`` is one."""

    @property
    def outcome(self) -> str: ...
    @property
    def phase(self) -> NDArray[np.uint8]: ...
    @property
    def excluded(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, slots=True)
class LabelConstants:
    """Rewards are per step of ``rate_hz``, so that none of them means anything without it."""

    rate_hz: float = 20.0
    step: float = -1.0
    success: float = 0.0
    c_fail: float = -500.0


@dataclass(frozen=True, slots=True)
class StepLabels:
    """The steps (k,) of one episode, without what was cut. ``row`` is the control tick at which a step begins.

    ``source`` is the tick's phase (0 the policy, 1 a person who adapts, 2 a person who recovers), ``cut_before`` says
    that ticks between the step before and this one were cut or lost, ``t_r`` marks steps that carry the penalty of a
    takeover, ``done`` the last step.
    """

    row: NDArray[np.int64]
    source: NDArray[np.uint8]
    reward: Array
    done: NDArray[np.bool_]
    t_r: NDArray[np.bool_]
    cut_before: NDArray[np.bool_]
    constants: LabelConstants

    def returns(self) -> Array:
        """(k,) the sum of rewards from each step to the end."""
        total: Array = np.cumsum(self.reward[::-1])[::-1]
        return total


def refusal(status: str, authority: NDArray[np.uint8], said: Said) -> str | None:
    """Why an episode cannot be labelled, one phrase; None when it can.

    ``status`` is the attribute of that name, ``authority`` (ticks,) who computed the commands.
    """
    if status != "complete":
        return f"its recording was cut short (status {status}), so nobody knows its end"
    if said.outcome not in OUTCOMES:
        return f"its outcome is {said.outcome}"
    if not np.isin(said.phase, KEPT_PHASES).any():
        return "no tick has a phase that can be learnt from"
    return None if kept_ticks(authority, said).any() else "every tick in which somebody drove is excluded"


def kept_ticks(authority: NDArray[np.uint8], said: Said) -> NDArray[np.bool_]:
    """(ticks,) what is left without pauses, rewinds, unlabelled ticks and what people excluded.

    Nor is anything kept from before somebody drove: while the robot waits for its first plan nobody does the task.
    """
    driven = np.isin(authority, (Authority.POLICY, Authority.HUMAN))
    begun = np.logical_or.accumulate(driven)
    kept: NDArray[np.bool_] = np.isin(said.phase, KEPT_PHASES) & ~said.excluded & begun
    return kept


def step_labels(
    stamp_s: Array, authority: NDArray[np.uint8], said: Said, constants: LabelConstants | None = None
) -> StepLabels:
    """Labels of an episode with ticks at ``stamp_s`` (ticks,); ask ``refusal`` first.

    A stretch of human control between policy and policy, or policy and end, is one takeover, also where the person
    lost the robot for a while: its t_r follows the last adaptation in it. A person who had the robot from the start
    (a demonstration) corrects nobody, so there is no penalty.

    Raises:
        ValueError: the episode can give no two steps, or ``refusal`` has something against its outcome.
    """
    chosen = constants or LabelConstants()
    if said.outcome not in OUTCOMES:
        raise ValueError(f"an episode with outcome {said.outcome} has no labels")
    kept = kept_ticks(authority, said)
    row, skipped = _step_rows(stamp_s, kept, chosen.rate_hz)
    if len(row) < FEWEST_STEPS:
        raise ValueError(f"{len(row)} steps at {chosen.rate_hz:g} Hz are too few to label")
    source = said.phase[row]
    t_r = _t_r_steps(source, said.outcome)
    reward = np.where(t_r, chosen.c_fail, chosen.step)
    reward[-1] = chosen.success if said.outcome == "success" else chosen.c_fail
    done = np.arange(len(row)) == len(row) - 1
    return StepLabels(row, source, reward, done, t_r, _cut_before(row, kept) | skipped, chosen)


def tick_arrays(labels: StepLabels, ticks: int) -> dict[str, NDArray[np.generic]]:
    """The labels per control tick: ``step`` is -1 and ``reward`` NaN where no step begins; ``source`` 255 there."""
    step, source = np.full(ticks, -1, np.int32), np.full(ticks, Phase.UNLABELLED, np.uint8)
    reward = np.full(ticks, np.nan)
    step[labels.row], source[labels.row] = np.arange(len(labels.row)), labels.source
    reward[labels.row] = labels.reward
    flags = {"done": labels.done, "t_r": labels.t_r, "cut_before": labels.cut_before}
    found: dict[str, NDArray[np.generic]] = {"step": step, "source": source, "reward": reward}
    for name, flag in flags.items():
        column = np.zeros(ticks, bool)
        column[labels.row] = flag
        found[name] = column
    return found


def _step_rows(stamp_s: Array, kept: NDArray[np.bool_], rate_hz: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The first kept tick of each 1 / ``rate_hz`` of kept time, and before which of them whole steps were lost.

    What was cut takes no time. Lost ticks do: nothing is known of those steps, so there are none.
    """
    rows = np.flatnonzero(kept)
    if not len(rows):
        return rows, np.empty(0, bool)
    took_s = np.diff(stamp_s[rows], prepend=stamp_s[rows[0]])
    usual_s = float(np.median(np.diff(stamp_s))) if len(stamp_s) > 1 else 0.0
    took_s[1:][np.diff(rows) > 1] = usual_s
    # Stamps jitter: half a tick early is still this step.
    step = np.floor((np.cumsum(took_s) + 0.5 * usual_s) * rate_hz)
    taken = np.diff(step, prepend=-1.0)
    return rows[taken > 0.0], taken[taken > 0.0] > 1.0


def _t_r_steps(source: NDArray[np.uint8], outcome: str) -> NDArray[np.bool_]:
    """(k,) the step after the last adaptation of every stretch of human control that follows the policy."""
    human, last = source != Phase.AUTONOMOUS, len(source) - 1
    edges = np.flatnonzero(np.diff(human.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    t_r = np.zeros(len(source), bool)
    for start, end in edges.tolist():
        adapting = np.flatnonzero(source[start:end] == Phase.ADAPTATION)
        step = start + (int(adapting[-1]) + 1 if len(adapting) else 0)
        # The last step tells how it ended. Who adapted up to there and succeeded has t_r one step before; who failed
        # never recovered, and the penalty of the end is the one of the takeover.
        if start > 0 and (step < last or outcome == "success"):
            t_r[min(step, last - 1)] = True
    return t_r


def _cut_before(row: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    gone = np.concatenate([[0], np.cumsum(~kept)])[row]
    result: NDArray[np.bool_] = np.diff(gone, prepend=gone[0]) > 0
    return result
