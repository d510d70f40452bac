"""How good held-out values are, as plain values: do they rank at mid-episode, and do they come true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import DatasetInvalid
from ..training.critic_figures import Reliability, ranking, reliability
from ..training.steps import EpisodeSteps
from ..types import Array

BINS = 8


def critic_metrics(episodes: Sequence[EpisodeSteps], values: Sequence[Array], gamma: float = 1.0) -> dict[str, Any]:
    """Figures over the robot's episodes; the values of people without a robot are not held out.

    ``ranking`` is None where all episodes go alike, ``calibration`` is empty where there are too few steps.
    """
    robot = [number for number, episode in enumerate(episodes) if episode.kind != "human"]
    listed, held_out = [episodes[number] for number in robot], [values[number] for number in robot]
    metrics: dict[str, Any] = {"ranking": None, "calibration": [], "miss": None}
    try:
        found = ranking(listed, held_out)
        metrics["ranking"] = {
            "auc": found.auc,
            "interval": [found.low, found.high],
            "well": found.well,
            "failing": found.failing,
        }
        calibration = reliability(listed, held_out, BINS, gamma)
    except DatasetInvalid:
        return metrics
    return {**metrics, "calibration": _bins(calibration), "miss": calibration.miss}


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
