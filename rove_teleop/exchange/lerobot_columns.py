"""What an exported frame holds: the columns of a LeRobot dataset, taken from control rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..episodes.read import Episode
from ..episodes.windows.columns import checked_array
from ..types import Authority
from .frames import Frames
from .lerobot_layout import BOOKKEEPING, Feature, feature

Columns = dict[str, Any]
"""Arrays (frames,) or (frames, m) by name; a text stands for every frame."""


def features_of(episode: Episode) -> dict[str, Feature]:
    """The columns of every frame but images, in their order."""
    joints = tuple(episode.attributes["joint_names"])
    return {
        "observation.state": feature("float32", joints),
        "action": feature("float32", joints),
        "policy_action": feature("float32", joints),
        "sent_action": feature("float32", joints),
        "phase": feature("int64"),
        "authority": feature("int64"),
        "intervention": feature("bool"),
        "segment": feature("int64"),
        "control_row": feature("int64"),
        "success": feature("bool"),
        "outcome": feature("string"),
        **BOOKKEEPING,
    }


def columns_of(frames: Frames) -> Columns:
    """The values of ``features_of`` without the bookkeeping.

    ``action`` is what was asked of the command filter, because that is where a policy's output goes when it drives;
    where nothing was asked of a joint, what the filter sent (it held the joint).
    """
    sent = _rows(frames, "q_sent_rad")
    target = _rows(frames, "q_target_rad")
    authority = _rows(frames, "authority").astype(np.int64)
    outcome = frames.labels.outcome
    return {
        "observation.state": _rows(frames, "q_measured_rad").astype(np.float32),
        "action": np.where(np.isfinite(target), target, sent).astype(np.float32),
        "policy_action": _rows(frames, "q_policy_rad").astype(np.float32),
        "sent_action": sent.astype(np.float32),
        "phase": frames.labels.phase[frames.row].astype(np.int64),
        "authority": authority,
        "intervention": authority == Authority.HUMAN,
        "segment": frames.segment,
        "control_row": frames.row,
        "success": np.full(len(frames.row), outcome == "success"),
        "outcome": outcome,
    }


def bookkeeping(episode_index: int, first_index: int, count: int, task_index: int, fps: int) -> Columns:
    """The columns by which LeRobot finds its way."""
    frame = np.arange(count)
    return {
        "timestamp": (frame / fps).astype(np.float32),
        "frame_index": frame,
        "episode_index": np.full(count, episode_index),
        "index": first_index + frame,
        "task_index": np.full(count, task_index),
    }


def task_of(episode: Episode) -> str:
    """The sentence that a policy is conditioned on."""
    return str(episode.attributes["instruction"] or episode.attributes["task"] or "no task given")


def _rows(frames: Frames, name: str) -> NDArray[Any]:
    return checked_array(frames.episode, f"control/{name}")[frames.row]
