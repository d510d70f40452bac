"""Recorded episodes as failure detectors know them: what a monitor would have heard, and what one said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..episodes.edit.overlay import read_labels
from ..episodes.read import Episode, open_episode
from ..failure.conformal import voted
from ..failure.figures import Judged
from ..failure.opinion import NEVER
from ..failure.streams import COMMANDED_S, Streams
from ..handover.states import State
from ..models.checkpoint import Checkpoint
from ..models.observation import observe
from ..types import Array, Phase

JUDGED = ("success", "failure")


def judged_episodes(root: Path, paths: Iterable[Path], policy_id: str | None = None) -> list[tuple[Episode, str]]:
    """Episodes that judge a policy, with their outcome (the newest label): it drove, was not `interrupted`, and the
    episode ended as success or failure."""
    result = []
    for path in paths:
        episode = open_episode(path)
        outcome = read_labels(root, episode).outcome
        wanted = policy_id is None or episode.attributes["policy_id"] == policy_id
        first, end = autonomous_rows(episode)
        if wanted and outcome in JUDGED and end > first and not interrupted(episode, end):
            result.append((episode, outcome))
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


def episode_streams(episode: Episode, outcome: str, checkpoint: Checkpoint | None = None) -> Streams:
    """What a monitor would have heard until a person stepped in.

    Embeddings are made again with ``checkpoint`` (the observation as that policy scales it); progress is not recorded.
    """
    first, end = autonomous_rows(episode)
    stamp_s = np.asarray(episode["control/stamp_s"][first:end])
    intervened = end < len(episode["control/phase"]) and _taken_over(episode, end)
    chunk_s = np.asarray(episode["policy/receive_s"])
    kept = (chunk_s >= stamp_s[0]) & (chunk_s <= stamp_s[-1]) & (np.asarray(episode["policy/valid"]) == 1)
    joints = int(episode["policy/joint_count"][kept][0]) if kept.any() else 0
    horizon = int(episode["policy/horizon"][kept].min()) if kept.any() else 0
    every = max(1, round(COMMANDED_S * float(episode.attributes["control_hz"])))
    embedding_s, embedding = _embeddings(episode, checkpoint, chunk_s[kept])
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
        value_s=none,
        value=none,
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
    result = {}
    for name in sorted(set(names[inside].tolist())):
        own = inside & (names == name)
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


def _taken_over(episode: Episode, row: int) -> bool:
    """Whether a person drove after ``row``."""
    human = (int(Phase.ADAPTATION), int(Phase.RECOVERY))
    return bool(np.isin(np.asarray(episode["control/phase"][row:]), human).any())


def _embeddings(episode: Episode, checkpoint: Checkpoint | None, at_s: Array) -> tuple[Array, Array]:
    """Embeddings (k, d) of what the policy saw at ``at_s`` (k,), from the rows and task states before."""
    names = list(episode.attributes.get("feature_names", []))
    if checkpoint is None or not len(at_s) or not len(episode["task/stamp_s"]):
        return np.empty(0), np.empty((0, 0))
    header = checkpoint.header
    joint = [list(episode.attributes["joint_names"]).index(name) for name in header.joint_names]
    feature = [names.index(name) for name in header.feature_names]
    row = _before(np.asarray(episode["control/stamp_s"]), at_s)
    task = _before(np.asarray(episode["task/stamp_s"]), at_s)
    measured, sent = (np.asarray(episode[f"control/q_{part}_rad"])[row][:, joint] for part in ("measured", "sent"))
    seen = observe(measured, sent, np.asarray(episode["task/features"])[task][:, feature])
    encoded = checkpoint.normalisation.encode(seen)
    kept = np.isfinite(encoded).all(axis=1)
    return at_s[kept], encoded[kept]


def _before(stamp_s: Array, at_s: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.clip(np.searchsorted(stamp_s, at_s, side="right") - 1, 0, None).astype(np.int64)
