"""A bounded search for a better path, judged on episodes that it did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import __version__
from ..command_filter.prefilters import Gaussian, Hampel, OneEuro, Prefilter
from ..control.path_config import Blend, PathConfig
from ..types import Array
from .cases import Case, hold_out
from .objective import Objective
from .scores import Scores, pooled, score

Progress = Callable[[int, int, float], None]
"""Called with the trials done, the trials in all, and the best cost so far (live is 1)."""
GLOBAL_SHARE = 0.5
"""Share of the trials spread over the whole box; the others go around the best so far, ever closer."""
# Everything that is searched, each in [0, 1]: bandwidth, damping, kind of prefilter, its two numbers, blend.
BANDWIDTH, DAMPING, KIND, FIRST, SECOND, SHARE, MIN_S = range(7)
SIZE = 7
BANDWIDTH_RAD_S = (8.0, 200.0)
CUTOFF_HZ, BETA, WINDOW_S, OUTLIER = (0.3, 20.0), (0.02, 50.0), (0.012, 0.24), (2.0, 10.0)
BLEND_SHARES, MIN_BLENDS_S = (0.2, 0.9), (0.05, 1.0)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found: the path, and the scores of it and of the live one on both halves of the cases."""

    path: PathConfig
    live: PathConfig
    objective: Objective
    trials: int
    seed: int
    searched: tuple[Case, ...]
    held_out: tuple[Case, ...]
    scores: dict[str, dict[str, Scores]]
    history: tuple[float, ...]

    @property
    def better(self) -> bool:
        """Whether the path beats the live one where it was not searched for, its constraints kept there too."""
        live, chosen = self.scores["held_out"]["live"], self.scores["held_out"]["chosen"]
        return self.objective.cost(chosen, live) < self.objective.cost(live, live) and self.objective.met(chosen, live)


def tune(
    cases: Sequence[Case], objective: Objective, trials: int, seed: int, progress: Progress | None = None
) -> Tuned:
    """Search ``trials`` paths with most of the cases and judge the best by the rest. The same seed finds the same path.

    Live is what the last case was recorded with. Shares of the limits stay as they are live: a search never loosens
    them, and tightening is for people.
    """
    rng = np.random.default_rng(seed)
    searched, held_out = hold_out(cases)
    live = cases[-1].live
    live_scores = total_of(searched, live)
    best, best_point = live, unit_point(live)
    best_cost = objective.cost(live_scores, live_scores)
    history = [best_cost]
    spread = max(round(GLOBAL_SHARE * trials), 1)
    for k in range(trials):
        if k < spread:
            point = rng.random(SIZE)
            if k % 4 == 0:  # a quarter without prefilter: the simplest that does is the best
                point[KIND] = 0.0
        else:
            width = 0.25 * (1.0 - (k - spread) / max(trials - spread, 1)) + 0.01
            moved = rng.random(SIZE) < 0.5
            point = np.clip(best_point + np.where(moved, rng.normal(0.0, width, SIZE), 0.0), 0.0, 1.0)
        path = path_at(point, live)
        cost = objective.cost(total_of(searched, path), live_scores)
        if cost < best_cost:
            best, best_point, best_cost = path, point, cost
        history.append(best_cost)
        if progress is not None:
            progress(k + 1, trials, best_cost)
    scores = {
        name: {"live": total_of(part, live), "chosen": total_of(part, best)}
        for name, part in (("searched", searched), ("held_out", held_out))
    }
    return Tuned(best, live, objective, trials, seed, tuple(searched), tuple(held_out), scores, tuple(history))


def total_of(cases: Sequence[Case], path: PathConfig) -> Scores:
    """Pooled scores of a path."""
    return pooled([score(case, case.inputs, case.run(path)) for case in cases])


def path_at(point: Array, live: PathConfig) -> PathConfig:
    """The path at a point of the unit box; numbers are rounded to what a person would write."""
    return replace(
        live,
        smoothing_rad_s=_exponential(point[BANDWIDTH], *BANDWIDTH_RAD_S),
        smoothing_damping=round(0.5 + 0.5 * float(point[DAMPING]), 3),
        prefilter=_prefilter(point),
        blend=Blend(
            "quintic",
            share=round(_linear(point[SHARE], *BLEND_SHARES), 3),
            min_s=_exponential(point[MIN_S], *MIN_BLENDS_S),
        ),
    )


def _prefilter(point: Array) -> Prefilter:
    kind, first, second = min(int(point[KIND] * 4), 3), float(point[FIRST]), float(point[SECOND])
    if kind == 0:
        return None
    if kind == 1:
        return OneEuro(_exponential(first, *CUTOFF_HZ), _exponential(second, *BETA))
    if kind == 2:
        return Gaussian(_exponential(first, *WINDOW_S))
    return Hampel(round(_linear(first, 5, 31)), round(_linear(second, *OUTLIER), 2))


def unit_point(path: PathConfig) -> Array:
    """Where in the unit box a path lies, as far as the box has it (its prefilter's numbers are put in the middle)."""
    point = np.full(SIZE, 0.5)
    low, high = BANDWIDTH_RAD_S
    point[BANDWIDTH] = np.log(path.smoothing_rad_s / low) / np.log(high / low)
    point[DAMPING] = 2.0 * path.smoothing_damping - 1.0
    kinds = {None: 0, OneEuro: 1, Gaussian: 2, Hampel: 3}
    point[KIND] = (kinds[None if path.prefilter is None else type(path.prefilter)] + 0.5) / 4
    point[SHARE] = (path.blend.share - BLEND_SHARES[0]) / (BLEND_SHARES[1] - BLEND_SHARES[0])
    low, high = MIN_BLENDS_S
    point[MIN_S] = np.log(path.blend.min_s / low) / np.log(high / low)
    clipped: Array = np.clip(point, 0.0, 1.0)
    return clipped


def chosen_document(tuned: Tuned) -> dict[str, Any]:
    """The keys of the path, and where it comes from: what ``chosen.yaml`` holds."""
    objective = tuned.objective
    return {
        **tuned.path.as_dict(),
        "provenance": {
            "tool": "rove lab tune",
            "software_version": __version__,
            "robot": tuned.searched[0].robot,
            "objective": objective.as_dict(),
            "trials": tuned.trials,
            "seed": tuned.seed,
            "better_where_not_searched": tuned.better,
            "sessions": [
                {"id": case.name, "sha256": case.digest, "ticks": [case.rows.start, case.rows.stop], "used": used}
                for used, part in (("searched", tuned.searched), ("held_out", tuned.held_out))
                for case in part
            ],
            "scores": {
                part: {name: objective.figures(scores) for name, scores in both.items()}
                for part, both in tuned.scores.items()
            },
        },
    }


def _exponential(share: float, low: float, high: float) -> float:
    """Three digits of low * (high / low) ** share."""
    return float(f"{low * (high / low) ** float(share):.3g}")


def _linear(share: float, low: float, high: float) -> float:
    return float(low + (high - low) * float(share))
