"""Values of episodes by critics that did not see them: in-sample, a critic remembers how each episode ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid
from ..models.critic import Critic
from ..types import Array
from .critic import CriticSettings, Progress, train_critic
from .steps import KINDS, EpisodeSteps


def cross_fitted_values(
    episodes: Sequence[EpisodeSteps],
    settings: CriticSettings,
    seed: int = 0,
    folds: int = 5,
    initial: Critic | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> list[Array]:
    """The value (k,) of every episode, in reward units, by a critic that was trained without it.

    Human episodes, which teach values and get no label, are in the training of every fold, and their values are the
    mean over folds. The result does not depend on ``workers`` (threads).

    Raises:
        DatasetInvalid: what `train_critic` refuses, also of what a single fold leaves; or ``initial`` saw one of the
            episodes, so that its values would not be out of sample: start from a critic of other data, or from none.
    """
    _refuse_known(episodes, initial)
    fold = assign_folds(episodes, folds, seed)
    progresses = _shared(progress, folds)

    def train(number: int) -> Critic:
        shown = [episode for episode, own in zip(episodes, fold, strict=True) if own != number]
        try:
            return train_critic(shown, settings, seed + number, initial, progresses[number])
        except DatasetInvalid as error:
            raise DatasetInvalid(f"without fold {number + 1} of {folds}: {error}") from error

    with ThreadPoolExecutor(max(1, min(workers, folds))) as pool:
        critics = list(pool.map(train, range(folds)))
    return [
        critics[own].value(episode) if own >= 0 else np.mean([one.value(episode) for one in critics], axis=0)
        for episode, own in zip(episodes, fold.tolist(), strict=True)
    ]


def assign_folds(episodes: Sequence[EpisodeSteps], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold (e,) that does not see each episode, even per outcome and kind; -1 for human ones, which all see."""
    fold = np.full(len(episodes), -1, np.int64)
    generator = np.random.default_rng(seed)
    dealt = 0
    for success in (False, True):
        for kind in KINDS:
            members = [
                number
                for number, episode in enumerate(episodes)
                if episode.kind == kind != "human" and episode.success == success
            ]
            order = generator.permutation(members).astype(np.int64)
            fold[order] = (dealt + np.arange(len(order))) % folds
            dealt += len(order)
    return fold


def _refuse_known(episodes: Sequence[EpisodeSteps], initial: Critic | None) -> None:
    known = set(initial.header.seen) if initial is not None else set()
    both = [episode.name for episode in episodes if episode.kind != "human" and episode.name in known]
    if both:
        raise DatasetInvalid(
            f"the critic to start from was trained on {len(both)} of the episodes, {both[0]} among them, "
            "so it cannot give values that are out of sample"
        )


def _shared(progress: Progress | None, folds: int) -> list[Progress | None]:
    """One progress of all folds, which may report from several threads."""
    if progress is None:
        return [None] * folds
    lock, done = threading.Lock(), [0] * folds

    def one(number: int) -> Progress:
        def report(step: int, steps: int, loss: float) -> None:
            with lock:
                done[number] = step
                progress(sum(done), folds * steps, loss)

        return report

    return [one(number) for number in range(folds)]
