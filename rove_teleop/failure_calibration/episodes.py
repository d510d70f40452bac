"""Recorded episodes as failure detectors know them: what a monitor would have heard, and what one said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.edit.overlay import read_labels
from ..episodes.read import Episode, open_episode
from ..errors import DatasetInvalid
from ..failure.conformal import voted
from ..failure.figures import Judged
from ..failure.opinion import NEVER
from ..failure.overtime import Overtime
from ..failure.streams import COMMANDED_S, Streams
from ..handover.states import State
from ..models.checkpoint import Checkpoint
from ..models.observation import observe
from ..models.policy_critic import PolicyCritic
from ..types import Array, Phase

NOT_THE_MONITOR = "no_progress"
"""Control itself watches for this, at a pace of its own."""
JUDGED = ("success", "failure")
ROUNDING_S = 1e-4
"""Times that were added up must not fall just short of the row that they mean."""


def judged_episodes(root: Path, paths: Iterable[Path], policy_id: str | None = None) -> list[tuple[Episode, str]]:
    """Episodes that judge a policy, with their outcome (the newest label): it drove, was not `interrupted`, and the
    episode ended as success or failure. What is damaged judges nobody."""
    result = []
    for path in paths:
        try:
            episode = open_episode(path)
            outcome = read_labels(root, episode).outcome
            wanted = policy_id is None or episode.attributes["policy_id"] == policy_id
            first, end = autonomous_rows(episode)
            if wanted and outcome in JUDGED and end > first and not interrupted(episode, end):
                result.append((episode, outcome))
        except DatasetInvalid:
            continue
    return result


def policy_version(attributes: Mapping[str, Any]) -> tuple[str, str]:
    """What drove: the policy's name or address, and what identifies its weights (empty where an episode lacks it)."""
    version = attributes.get("served_policy_id") or attributes.get("config_hashes", {}).get("policy", "")
    return str(attributes["policy_id"]), str(version)


def autonomous_rows(episode: Episode) -> tuple[int, int]:
    """First and last + 1 row of the first stretch in which the policy drove alone."""
    alone = np.asarray(episode["control/phase"]) == int(Phase.AUTONOMOUS)
    if not alone.any():
        return 0, 0
    first = int(np.argmax(alone))
    after = np.flatnonzero(~alone[first:])
    return first, first + int(after[0]) if len(after) else len(alone)


def interrupted(episode: Episode, end: int) -> bool:
    """Whether neither the policy nor a person ended the stretch before row ``end``: no plan arrived any more (a busy
    machine, a server that is gone), or the robot was lost. What came of that says nothing about the policy."""
    if end == len(episode["control/state"]):
        return False
    ended = State(int(episode["control/state"][end]))
    silent = not np.isfinite(np.asarray(episode["control/q_policy_rad"][end - 1])).any()
    return ended is State.FAULT or (ended is State.HOLD and silent)


def episode_streams(
    episode: Episode, outcome: str, checkpoint: Checkpoint | None = None, critic: PolicyCritic | None = None
) -> Streams:
    """What a monitor would have heard until a person stepped in.

    Embeddings are made again with ``checkpoint`` (the observation as that policy scales it), values with the ``critic``
    beside it unless that looks at images; progress is not recorded.
    """
    first, end = autonomous_rows(episode)
    stamp_s = np.asarray(episode["control/stamp_s"][first:end])
    intervened = end < len(episode["control/phase"]) and _taken_over(episode, end)
    chunk_s = np.asarray(episode["policy/receive_s"])
    kept = (chunk_s >= stamp_s[0]) & (chunk_s <= stamp_s[-1]) & (np.asarray(episode["policy/valid"]) == 1)
    joints = int(episode["policy/joint_count"][kept][0]) if kept.any() else 0
    horizon = int(episode["policy/horizon"][kept].min()) if kept.any() else 0
    every = max(1, round(COMMANDED_S * float(episode.attributes["control_hz"])))
    seen_s = _seen_s(episode, checkpoint, kept)
    embedding_s, embedding = _embeddings(episode, checkpoint, chunk_s[kept], seen_s)
    value_s, value = _values(episode, checkpoint, critic, chunk_s[kept], seen_s)
    none = np.empty(0)
    return Streams(
        name=episode.id,
        success=outcome == "success" and not intervened,
        failure="" if outcome == "success" else outcome,
        duration_s=float(stamp_s[-1] - stamp_s[0]),
        trigger_s=float(stamp_s[-1] - stamp_s[0]) if intervened else math.nan,
        joint_index=np.asarray(episode["policy/joint_index"][kept][0][:joints] if kept.any() else none, dtype=np.int64),
        chunk_s=chunk_s[kept] - stamp_s[0],
        offset_s=np.asarray(episode["policy/offset_s"][kept][:, :horizon]),
        q_rad=np.asarray(episode["policy/q_rad"][kept][:, :horizon, :joints]),
        embedding_s=embedding_s - stamp_s[0],
        embedding=embedding,
        value_s=value_s - stamp_s[0],
        value=value,
        progress_s=none,
        progress=none,
        commanded_s=stamp_s[::every] - stamp_s[0],
        commanded_rad=np.asarray(episode["control/q_sent_rad"][first:end:every]),
    )


def logged_opinions(episode: Episode, outcome: str) -> dict[str, Judged]:
    """What the detectors of the session said of the first stretch in which the policy drove alone, by their names."""
    first, end = autonomous_rows(episode)
    stamps = np.asarray(episode["control/stamp_s"])
    begin_s, end_s = float(stamps[first]), float(stamps[end - 1])
    intervened = end < len(stamps) and _taken_over(episode, end)
    when = np.asarray(episode["failure/stamp_s"])
    inside = (when >= begin_s) & (when <= end_s + 0.2)
    names = np.array([row.tobytes().rstrip(b"\0").decode() for row in np.asarray(episode["failure/detector"])])
    score, threshold = np.asarray(episode["failure/score"]), np.asarray(episode["failure/threshold"])
    beyond = np.where(threshold < NEVER, score - threshold, score)
    alarm = np.asarray(episode["failure/alarm"]) == 1
    looks = _looks(when, inside & (names == Overtime.name), score)
    result = {}
    for name in sorted(set(names[inside].tolist())):
        own = inside & (names == name) & (looks | (name == NOT_THE_MONITOR))
        raised = when[own][alarm[own]]
        agreed = voted(beyond[own]) if own.sum() > 1 else beyond[own]
        result[name] = Judged(
            failed=outcome == "failure" or intervened,
            end_s=end_s - begin_s,
            trigger_s=end_s - begin_s if intervened else math.nan,
            highest=float(agreed.max()),
            alarm_s=float(raised[0]) - begin_s if len(raised) else math.nan,
        )
    return result


def _looks(when: Array, overtime: NDArray[np.bool_], score: Array) -> NDArray[np.bool_]:
    """(rows,) whether a row is of a moment at which the monitor looked; in between it repeats what it said.

    Every look finds that more time has passed, so the score of ``overtime`` is a new one.
    """
    new = np.concatenate([[True], np.diff(score[overtime]) != 0.0])
    return np.isin(when, when[overtime][new]) if overtime.any() else np.ones(len(when), dtype=bool)


def _taken_over(episode: Episode, row: int) -> bool:
    """Whether a person drove after ``row``."""
    human = (int(Phase.ADAPTATION), int(Phase.RECOVERY))
    return bool(np.isin(np.asarray(episode["control/phase"][row:]), human).any())


def _seen_s(episode: Episode, checkpoint: Checkpoint | None, kept: Array) -> Array:
    """When the policy looked (k,): one step before a plan's first row, whose offset counts from its receipt."""
    step_s = checkpoint.header.step_s if checkpoint is not None else 0.0
    if not kept.any():
        return np.empty(0)
    first_row_s = np.asarray(episode["policy/receive_s"])[kept] + np.asarray(episode["policy/offset_s"])[kept][:, 0]
    result: Array = first_row_s - step_s + ROUNDING_S
    return result


def _embeddings(episode: Episode, checkpoint: Checkpoint | None, at_s: Array, seen_s: Array) -> tuple[Array, Array]:
    """Embeddings (k, d), heard at ``at_s`` (k,), of what the policy saw at ``seen_s`` (k,)."""
    if checkpoint is None or not len(at_s) or not len(episode["task/stamp_s"]):
        return np.empty(0), np.empty((0, 0))
    joint = [list(episode.attributes["joint_names"]).index(name) for name in checkpoint.header.joint_names]
    row = _before(np.asarray(episode["control/stamp_s"]), seen_s)
    measured, sent = (np.asarray(episode[f"control/q_{part}_rad"])[row][:, joint] for part in ("measured", "sent"))
    seen = observe(measured, sent, _features(episode, checkpoint.header.feature_names, seen_s))
    encoded = checkpoint.normalisation.encode(seen)
    kept = np.isfinite(encoded).all(axis=1)
    return at_s[kept], encoded[kept]


def _values(
    episode: Episode, checkpoint: Checkpoint | None, critic: PolicyCritic | None, at_s: Array, seen_s: Array
) -> tuple[Array, Array]:
    """Values (k,) in reward units, heard at ``at_s`` (k,), of the situations at ``seen_s`` (k,)."""
    if checkpoint is None or critic is None or critic.critic.header.sizes.cameras or not len(episode["task/stamp_s"]):
        return np.empty(0), np.empty(0)
    said = str(episode.attributes["instruction"])
    features = _features(episode, checkpoint.header.feature_names, seen_s)
    found = [critic.value(row, {}, said) if np.isfinite(row).all() else None for row in features]
    known = [number for number, value in enumerate(found) if value is not None]
    return at_s[known], np.array([found[number] for number in known], dtype=float)


def _features(episode: Episode, names: Sequence[str], at_s: Array) -> Array:
    """The task's features (k, f) of those names that were known at ``at_s`` (k,)."""
    recorded = list(episode.attributes.get("feature_names", []))
    task = _before(np.asarray(episode["task/stamp_s"]), at_s)
    return np.asarray(episode["task/features"])[task][:, [recorded.index(name) for name in names]]


def _before(stamp_s: Array, at_s: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.clip(np.searchsorted(stamp_s, at_s, side="right") - 1, 0, None).astype(np.int64)
