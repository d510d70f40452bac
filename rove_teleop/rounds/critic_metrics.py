"""How good held-out values are, as plain values: do they rank at mid-episode, and do they come true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import DatasetInvalid
from ..failure.streams import Streams
from ..training.critic_figures import Ranking, Reliability, ranked, ranking, reliability
from ..training.steps import EpisodeSteps
from ..types import Array

BINS = 8


def critic_metrics(
    episodes: Sequence[EpisodeSteps], values: Sequence[Array], step_s: float, gamma: float = 1.0
) -> dict[str, Any]:
    """Figures over the robot's episodes; the values of people without a robot are not held out.

    ``ranking`` is None where nothing can be ranked, ``calibration`` is empty where there are too few steps.
    """
    robot = [number for number, episode in enumerate(episodes) if episode.kind != "human"]
    listed, held_out = [episodes[number] for number in robot], [values[number] for number in robot]
    metrics: dict[str, Any] = {"ranking": None, "calibration": [], "miss": None}
    with suppress(DatasetInvalid):
        found, row = ranking(listed, held_out)
        metrics["ranking"] = _ranking_json(found, row * step_s)
    with suppress(DatasetInvalid):
        calibration = reliability(listed, held_out, BINS, gamma)
        metrics |= {"calibration": _bins(calibration), "miss": calibration.miss}
    return metrics


def live_ranking(heard: Sequence[Streams]) -> dict[str, Any] | None:
    """The same for what was heard of a policy alone, at half of the median duration; None where nothing can be ranked.

    These episodes nobody has trained on, and no person changed how they end.
    """
    at_s = float(np.median([one.duration_s for one in heard])) / 2.0 if heard else 0.0
    running = [one for one in heard if one.duration_s > at_s and len(one.value_s) and one.value_s[0] <= at_s]
    value = np.array([one.value[np.searchsorted(one.value_s, at_s, side="right") - 1] for one in running])
    success = np.array([one.success for one in running], bool)
    if success.all() or not success.any():
        return None
    return _ranking_json(ranked(value[success], value[~success]), at_s)


def ranking_sentence(told: Mapping[str, Any], well: str, failing: str) -> str:
    """``told`` by `critic_metrics` or `live_ranking` as a sentence; ``well`` and ``failing`` say what ranks what."""
    low, high = told["interval"]
    return (
        f"{told['at_s']:.1f} s into an episode (half of the median one) the held-out value ranks one that {well} above "
        f"one that {failing} in {100 * told['auc']:.0f} % of pairs (95 % interval {100 * low:.0f} to {100 * high:.0f} "
        f"%; {told['well']} against {told['failing']}; 50 % is chance)."
    )


def _ranking_json(found: Ranking, at_s: float) -> dict[str, Any]:
    return {
        "auc": found.auc,
        "interval": [found.low, found.high],
        "well": found.well,
        "failing": found.failing,
        "at_s": round(at_s, 3),
    }


def _bins(found: Reliability) -> list[dict[str, float | None]]:
    columns = zip(found.predicted.tolist(), found.realised.tolist(), found.error.tolist(), found.steps, strict=True)
    return [
        {
            "predicted": predicted,
            "realised": realised,
            "error": None if math.isnan(error) else error,
            "steps": int(steps),
        }
        for predicted, realised, error, steps in columns
    ]
