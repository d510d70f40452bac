"""Interventions of a recorded episode: where the failure began, the takeover, and t_r as proposed and as people say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.edit.edits import PhaseEdit, RecoveryEdit
from ..episodes.edit.interventions import Intervention, interventions
from ..episodes.edit.overlay import Labels, read_labels, withdrawn_revisions
from ..episodes.edit.overlay_files import read_revisions
from ..episodes.read import Episode
from ..errors import UsageError
from ..failure.boundary import BoundarySettings, RecoveryProposal, propose_t_r
from ..failure.hand_motion import HumanMotion
from ..failure.onset import OnsetProposal, Scores, propose_onset
from ..robots.description import RobotDescription, load_robot
from ..types import TRUE_STATE_EVENT, Array, Authority, Phase
from .hand_points import HandPoints

TRUSTED = 0.5
"""A proposal of less confidence counts only where it is later than what was recorded."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """One intervention in which a person corrected the policy; rows of the episode, stamps of its clock.

    ``t_r_row`` is the one to use, and ``source`` where it is from: ``confirmed`` by a person afterwards, ``proposed``,
    or ``recorded`` in the session. ``true_t_r_s`` is what the simulated person truly did, None where nobody knows.
    """

    rows: Intervention
    takeover_s: float
    onset: OnsetProposal
    recovery: RecoveryProposal | None
    recorded_t_r_s: float
    t_r_row: int
    source: str
    true_t_r_s: float | None


def boundaries(
    root: Path,
    episode: Episode,
    points: HandPoints | None = None,
    value: Array | None = None,
    settings: BoundarySettings | None = None,
) -> list[Boundary]:
    """Every intervention of an episode of the dataset ``root`` that follows the policy.

    ``points`` (None: of the episode's robot) tells where hands are; ``value`` (ticks,) is a critic's value.

    Raises:
        UsageError: the episode's robot is not known here, or has other joints.
    """
    labels = read_labels(root, episode)
    policy_drove = np.logical_or.accumulate(episode["control/authority"][:] == Authority.POLICY)
    runs = [run for run in interventions(labels.phase) if run.from_row and policy_drove[run.from_row - 1]]
    if not runs:
        return []
    hands = points or HandPoints(robot_of(episode))
    said = _said_rows(root, episode)
    return [_boundary(episode, run, hands, value, settings, any(_overlap(run, rows) for rows in said)) for run in runs]


def used_phase(labels: Labels, found: Sequence[Boundary]) -> NDArray[np.uint8]:
    """(ticks,) the phases with every t_r where it is to be used."""
    phase = labels.phase.copy()
    for item in found:
        phase[item.rows.from_row : item.t_r_row] = Phase.ADAPTATION
        phase[item.t_r_row : item.rows.to_row] = Phase.RECOVERY
    return phase


def robot_of(episode: Episode) -> RobotDescription:
    """The robot of an episode; `UsageError` when it is not known here, or has other joints."""
    name = str(episode.attributes.get("robot", ""))
    if not name:
        raise UsageError(f"episode {episode.id} does not say which robot it is of")
    robot = load_robot(name)
    if list(robot.joint_names) != list(episode.attributes["joint_names"]):
        raise UsageError(f"episode {episode.id} has other joints than the robot '{name}' has here")
    return robot


def human_motion(episode: Episode, rows: Intervention, points: HandPoints, value: Array | None = None) -> HumanMotion:
    """What the hands were asked to do in these rows, and what the robot was sent."""
    inside = slice(rows.from_row, rows.to_row)
    asked, sent = episode["control/q_operator_rad"][inside], episode["control/q_sent_rad"][inside]
    return HumanMotion(
        np.array(episode["control/stamp_s"][inside]),
        np.array([points(np.asarray(q_rad)) for q_rad in asked]),
        np.array([points(np.asarray(q_rad)) for q_rad in sent]),
        None if value is None else value[inside],
    )


def _boundary(
    episode: Episode,
    run: Intervention,
    points: HandPoints,
    value: Array | None,
    settings: BoundarySettings | None,
    confirmed: bool,
) -> Boundary:
    stamp_s = np.asarray(episode["control/stamp_s"])
    try:
        recovery = propose_t_r(human_motion(episode, run, points, value), settings)
    except ValueError:
        recovery = None
    row, source = run.t_r_row, "confirmed" if confirmed else "recorded"
    if recovery is not None and not confirmed:
        proposed = min(int(np.searchsorted(stamp_s, recovery.t_r_s)), run.to_row)
        if recovery.confidence >= TRUSTED or proposed >= row:
            row, source = proposed, "proposed"
    return Boundary(
        rows=run,
        takeover_s=float(stamp_s[run.from_row]),
        onset=_onset(episode, run, stamp_s, value),
        recovery=recovery,
        recorded_t_r_s=float(stamp_s[min(run.t_r_row, len(stamp_s) - 1)]),
        t_r_row=row,
        source=source,
        true_t_r_s=_true_t_r_s(episode, float(stamp_s[run.from_row]), float(stamp_s[run.to_row - 1])),
    )


def _onset(episode: Episode, run: Intervention, stamp_s: Array, value: Array | None) -> OnsetProposal:
    """Between the moment the policy got the robot and the moment somebody stopped it."""
    policy = np.asarray(episode["control/authority"][: run.from_row]) == Authority.POLICY
    stopped = int(np.flatnonzero(policy)[-1])
    human = np.asarray(episode["control/authority"][:stopped]) == Authority.HUMAN
    begun = int(np.flatnonzero(human)[-1]) + 1 if human.any() else int(np.flatnonzero(policy)[0])
    known = None if value is None else (stamp_s, value)
    return propose_onset(float(stamp_s[begun]), float(stamp_s[stopped]), _scores(episode), known)


def _scores(episode: Episode) -> dict[str, Scores]:
    columns: dict[str, Any] = {
        name: np.asarray(episode[f"failure/{name}"]) for name in ("detector", "stamp_s", "score", "threshold")
    }
    names = [row.tobytes().rstrip(b"\0").decode() for row in columns.pop("detector")]
    of = {name: np.array([other == name for other in names]) for name in dict.fromkeys(names)}
    return {name: Scores(*(column[rows] for column in columns.values())) for name, rows in of.items()}


def _said_rows(root: Path, episode: Episode) -> list[tuple[int, int]]:
    """Rows of which a person said afterwards, and did not take back, what phase they are."""
    revisions = read_revisions(root, episode)
    withdrawn = withdrawn_revisions(revisions)
    edits = [edit for revision in revisions if revision.number not in withdrawn for edit in revision.edits]
    return [(edit.from_row, edit.to_row) for edit in edits if isinstance(edit, PhaseEdit | RecoveryEdit)]


def _overlap(run: Intervention, rows: tuple[int, int]) -> bool:
    return rows[0] < run.to_row and run.from_row < rows[1]


def _true_t_r_s(episode: Episode, from_s: float, to_s: float) -> float | None:
    corrects = [event.time_s for event in episode.events() if (event.kind, event.detail) == _CORRECTING]
    inside = [time_s for time_s in corrects if from_s <= time_s <= to_s]
    return inside[0] if inside else None


_CORRECTING = (TRUE_STATE_EVENT, "correcting")
