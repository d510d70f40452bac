"""Recorded episodes to a calibration: some teach the detectors, the other successes set the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CalibrationFailed
from ..failure.behind import Behind, fit_behind
from ..failure.calibration import Calibration
from ..failure.combination import MODES, Combination, fit_combination
from ..failure.conformal import Threshold, conformal_level, fewest_successes, fit_band, voted
from ..failure.detectors import build_detectors
from ..failure.network import Tensors
from ..failure.novelty import FlowNovelty, Novelty
from ..failure.opinion import NEVER
from ..failure.overtime import Overtime
from ..failure.probe import BACK, Probe, probe_inputs
from ..failure.replay import Track, replay
from ..failure.reversals import Reversals
from ..failure.stalled import Stalled, StalledEstimate
from ..failure.streams import Streams
from ..training import failure_networks as networks
from ..types import Array

FEWEST_FAILURES = 8
"""With fewer failures to learn from there is no probe."""
FEWEST_TAUGHT = 5
"""With fewer successes to learn from nothing is known of what a success looks like."""
FOLDS = 4
COMBINED = (Overtime.name, Behind.name, Stalled.name, Probe.name)
WITHOUT_PROGRESS = (Overtime.name, StalledEstimate.name, Reversals.name, Probe.name)
"""Who takes part in the combinations, and who where no task reports its progress. Chosen by cross-validation: more
detectors than these made none of them better, and some worse."""


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
    """Fit on the failures and half of the successes, set thresholds on the others, which no fitting has seen.

    ``policy`` is a hash (`files.policy_hash`); ``without`` are detectors that are left out of the combinations.

    Raises:
        CalibrationFailed: too few successes for ``alpha``; the sentence says how many it needs.
    """
    _refuse_too_few(episodes, alpha)
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
    decides = next(name for name in ("together", Overtime.name) if name in thresholds)
    failures = sum(not item.success for item in fitted.episodes)
    counts = {"fitted_on": str(len(fitted.episodes)), "failures_fitted_on": str(failures), "without": ",".join(without)}
    return Calibration(
        policy, task, alpha, time_varying, len(fitted.episodes) + len(fitted.successes), len(fitted.successes), decides,
        thresholds, combinations, calm, dict(fitted.tensors), counts,
    )  # fmt: skip


def _refuse_too_few(episodes: Sequence[Streams], alpha: float) -> None:
    """`CalibrationFailed` before anything is trained, with what would be enough."""
    taught, kept = split(episodes)
    try:
        conformal_level(np.zeros(len(kept)), alpha)
    except CalibrationFailed as refusal:
        raise CalibrationFailed(f"{refusal}; as many again teach the detectors") from refusal
    if (there := sum(item.success for item in taught)) < FEWEST_TAUGHT:
        raise CalibrationFailed(
            f"half of the successful episodes teach the detectors, and {there} are too few for that: "
            f"{2 * max(FEWEST_TAUGHT, fewest_successes(alpha))} successful episodes are enough for alpha {alpha:g}"
        )


def split(episodes: Sequence[Streams]) -> tuple[list[Streams], list[Streams]]:
    """To fit: every failure and every second success. To set thresholds: the other successes."""
    heard = [item for item in episodes if len(item.chunk_s)]
    successes = [item for item in heard if item.success]
    return [item for item in heard if not item.success] + successes[1::2], successes[::2]


def fit_networks(episodes: Sequence[Streams], seed: int = 0) -> Tensors:
    """What the detectors that learn need, as far as the episodes (with progress, with embeddings) allow."""
    behind = fit_behind([(item.progress_s, item.progress, item.duration_s) for item in episodes if item.success])
    seen = [item for item in episodes if len(item.embedding_s)]
    good = [item for item in seen if item.success]
    if not good:
        return behind
    embeddings = np.concatenate([item.embedding for item in good])
    done = np.concatenate([item.embedding_s / item.duration_s for item in good])
    tensors = dict(behind) | networks.train_done(embeddings, done, _weights(good), StalledEstimate.name, seed)
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
    """`COMBINED` or `WITHOUT_PROGRESS` as one, in every way there is; a detector that says nothing takes no part.

    ``tracks`` must come from networks that have not seen their episode (`cross_fitted`).
    """
    good = [t for item, t in zip(episodes, tracks, strict=True) if item.success and len(t.stamp_s) > 1]
    common = set.intersection(*(set(track.names) for track in good)) - set(without)
    maxima = {name: np.array([voted(track.of(name)).max() for track in good]) for name in sorted(common)}
    speaks = {name for name, column in maxima.items() if np.ptp(column) > 0.0}
    members = tuple(name for name in (COMBINED if Stalled.name in speaks else WITHOUT_PROGRESS) if name in speaks)
    if not members:
        return {}
    seen = np.column_stack([maxima[name] for name in members])
    return {mode: fit_combination(mode, members, seen) for mode in MODES}


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
