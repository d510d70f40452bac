"""Recorded episodes to a calibration: some teach the detectors, the other successes set the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .failure.calibration import Calibration
from .failure.combination import Combination, Extreme, fit_extreme, fit_weighed
from .failure.conformal import Threshold, conformal_level, fit_band, voted
from .failure.detectors import build_detectors
from .failure.figures import auroc
from .failure.network import Tensors
from .failure.novelty import FlowNovelty, Novelty
from .failure.opinion import NEVER
from .failure.overtime import Overtime
from .failure.probe import BACK, Probe, probe_inputs
from .failure.replay import Track, replay
from .failure.stalled import StalledEstimate
from .failure.streams import Streams
from .training import failure_networks as networks
from .types import Array

FEWEST_FAILURES = 8
"""With fewer failures to learn from there is no probe, and no detector is weighed by them."""
FOLDS = 4
TELLING = 0.7
"""Area under the curve from which on a detector takes part in ``any`` and ``all``."""
EXTREMES: tuple[Extreme, ...] = ("any", "all")


@dataclass(frozen=True)
class Fitted:
    """Networks, what detectors say of the episodes that taught them (each by networks that did not see it), and of the
    successes that are kept for thresholds."""

    tensors: Tensors
    episodes: list[Streams]
    tracks: list[Track]
    successes: list[Track]


def calibrate(
    episodes: Sequence[Streams],
    policy: str,
    task: str,
    alpha: float = 0.1,
    time_varying: bool = False,
    seed: int = 0,
    without: Sequence[str] = (),
) -> Calibration:
    """Fit on the failures and a third of the successes, set thresholds on the others, which no fitting has seen.

    ``policy`` is a hash (`failure_files.policy_hash`); ``without`` are detectors that are left out of the combinations.

    Raises:
        CalibrationFailed: too few successes for ``alpha``; the sentence says how many it needs.
    """
    # Refused before anything is trained.
    conformal_level(np.zeros(len(split(episodes)[1])), alpha)
    return set_thresholds(fit(episodes, seed), policy, task, alpha, time_varying, without)


def fit(episodes: Sequence[Streams], seed: int = 0) -> Fitted:
    """Train the networks on one part; let all detectors hear both."""
    fitting, kept = split(episodes)
    tensors = fit_networks(fitting, seed)
    successes = [replay(item, build_detectors(tensors)) for item in kept]
    return Fitted(tensors, fitting, cross_fitted(fitting, seed), successes)


def set_thresholds(
    fitted: Fitted, policy: str, task: str, alpha: float, time_varying: bool = False, without: Sequence[str] = ()
) -> Calibration:
    """Combine the detectors, and give each and every combination its threshold for ``alpha``.

    Raises:
        CalibrationFailed: too few successes for ``alpha``.
    """
    combinations = fit_combinations(fitted.episodes, fitted.tracks, without)
    thresholds, calm = {}, {}
    for name, rule in _rules(fitted, combinations, time_varying).items():
        maxima = np.array([episode_maximum(track, name, rule, combinations) for track in fitted.successes])
        level = conformal_level(maxima, alpha)
        if np.ptp(maxima) > 0.0:
            thresholds[name] = Threshold(level, rule.stamp_s, rule.centre, rule.width)
            calm[name] = float(np.median(maxima))
    decides = next(name for name in ("weighed", "any", Overtime.name) if name in thresholds)
    failures = sum(not item.success for item in fitted.episodes)
    counts = {"fitted_on": str(len(fitted.episodes)), "failures_fitted_on": str(failures), "without": ",".join(without)}
    return Calibration(
        policy, task, alpha, time_varying, len(fitted.episodes) + len(fitted.successes), len(fitted.successes), decides,
        thresholds, combinations, calm, dict(fitted.tensors), counts,
    )  # fmt: skip


def split(episodes: Sequence[Streams]) -> tuple[list[Streams], list[Streams]]:
    """To fit: every failure and every third success. To set thresholds: the other successes."""
    heard = [item for item in episodes if len(item.chunk_s)]
    successes = [item for item in heard if item.success]
    fitting = [item for item in heard if not item.success] + successes[2::3]
    return fitting, [item for number, item in enumerate(successes) if number % 3 != 2]


def fit_networks(episodes: Sequence[Streams], seed: int = 0) -> Tensors:
    """Networks for the detectors that need one, as far as the episodes (with embeddings) allow."""
    seen = [item for item in episodes if len(item.embedding_s)]
    good = [item for item in seen if item.success]
    if not good:
        return {}
    embeddings = np.concatenate([item.embedding for item in good])
    done = np.concatenate([item.embedding_s / item.duration_s for item in good])
    tensors = networks.train_done(embeddings, done, _weights(good), StalledEstimate.name, seed)
    tensors |= networks.train_novelty(embeddings, Novelty.name, seed)
    tensors |= networks.train_flow_novelty(embeddings, FlowNovelty.name, seed)
    if len(seen) - len(good) >= FEWEST_FAILURES:
        inputs = np.concatenate([_probe_inputs(item) for item in seen])
        failed = np.concatenate([np.full(len(item.embedding_s), not item.success) for item in seen])
        tensors |= networks.train_probe(inputs, failed, _weights(seen), Probe.name, seed)
    return tensors


def cross_fitted(episodes: Sequence[Streams], seed: int = 0) -> list[Track]:
    """A track per episode, each by networks that were trained on the others: what they will say of new episodes."""
    folds = [number * FOLDS // len(episodes) for number in np.random.default_rng(seed).permutation(len(episodes))]
    tracks: dict[int, Track] = {}
    for fold in sorted(set(folds)):
        tensors = fit_networks([item for item, own in zip(episodes, folds, strict=True) if own != fold], seed)
        for number, own in enumerate(folds):
            if own == fold:
                tracks[number] = replay(episodes[number], build_detectors(tensors))
    return [tracks[number] for number in range(len(episodes))]


def fit_combinations(
    episodes: Sequence[Streams], tracks: Sequence[Track], without: Sequence[str] = ()
) -> dict[str, Combination]:
    """``any`` and ``all`` of the detectors that tell failures from successes, and, once there are some, ``weighed``.

    ``tracks`` must come from networks that have not seen their episode (`cross_fitted`).
    """
    kept = [(item, track) for item, track in zip(episodes, tracks, strict=True) if len(track.stamp_s) > 1]
    common = set.intersection(*(set(track.names) for _, track in kept))
    names = [n for n in kept[0][1].names if n in common and n not in without]
    maxima = np.array([[voted(track.of(name)).max() for name in names] for _, track in kept])
    failed = np.array([not item.success for item, _ in kept])
    telling = np.ptp(maxima, axis=0) > 0.0
    if failed.sum() >= FEWEST_FAILURES:
        worth = np.array([auroc(column[failed], column[~failed]) for column in maxima.T])
        telling &= worth >= min(TELLING, float(worth.max()))
    chosen = tuple(name for name, tells in zip(names, telling, strict=True) if tells)
    good = maxima[~failed][:, telling]
    result: dict[str, Combination] = {mode: fit_extreme(mode, chosen, good) for mode in EXTREMES}
    if failed.sum() >= FEWEST_FAILURES:
        scores = np.concatenate([np.column_stack([track.of(name) for name in names]) for _, track in kept])
        looks = [len(track.stamp_s) for _, track in kept]
        weight = np.repeat(1.0 / np.array(looks), looks)
        result["weighed"] = fit_weighed(tuple(names), scores, np.repeat(failed, looks), weight)
    return result


def scores_of(track: Track, name: str, combinations: dict[str, Combination]) -> Array:
    """Scores (k,) of a detector or a combination at each look."""
    if name not in combinations:
        return track.of(name)
    item = combinations[name]
    return item.score(np.column_stack([track.of(member) for member in item.members]))


def episode_maximum(track: Track, name: str, rule: Threshold, combinations: dict[str, Combination]) -> float:
    """The most that two looks in a row agreed on; what decides whether there was an alarm in the episode."""
    agreed = voted(rule.exceedance(track.stamp_s, scores_of(track, name, combinations)))
    return float(agreed.max()) if len(agreed) else -NEVER


def _rules(fitted: Fitted, combinations: dict[str, Combination], time_varying: bool) -> dict[str, Threshold]:
    """A threshold without a level for everything that may raise an alarm."""
    names = [*fitted.successes[0].names, *combinations]
    if not time_varying:
        return {name: Threshold() for name in names}
    good = [track for item, track in zip(fitted.episodes, fitted.tracks, strict=True) if item.success]
    return {
        # What grows with the time by itself has no centre that could be taken off.
        name: Threshold() if name == Overtime.name else fit_band(
            [(track.stamp_s, scores_of(track, name, combinations)) for track in good]
        )
        for name in names
    }  # fmt: skip


def _weights(episodes: Sequence[Streams]) -> Array:
    return np.concatenate([np.full(len(item.embedding_s), 1.0 / len(item.embedding_s)) for item in episodes])


def _probe_inputs(item: Streams) -> Array:
    rows = [
        probe_inputs(embedding, item.embedding[max(0, number - BACK)], float(stamp_s))
        for number, (stamp_s, embedding) in enumerate(zip(item.embedding_s, item.embedding, strict=True))
    ]
    return np.array(rows)
