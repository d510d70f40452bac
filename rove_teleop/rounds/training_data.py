"""Recorded datasets to what a trainer learns from: every usable episode as steps, every other one with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ..episodes.dataset import Dataset
from ..episodes.label_runs import data_revision
from ..errors import UsageError
from ..failure.step_labels import LabelConstants
from .data_values import Source, TrainingData, Wanted, wanted_of
from .gathering import Gathering
from .takeovers import Takeovers

__all__ = ["Source", "TrainingData", "Wanted", "read_training_data", "wanted_of"]

Progress = Callable[[int, int], None]


def read_training_data(
    roots: Sequence[Path],
    wanted: Wanted | None = None,
    constants: LabelConstants | None = None,
    human: Sequence[Path] = (),
    progress: Progress | None = None,
) -> TrainingData:
    """Every usable episode of these datasets at the rate of ``constants`` (20 Hz), in the order they were recorded.

    t_r is what a person said afterwards, else the proposal, else what was pressed (docs/labelling.md). Of the datasets
    ``human`` only episodes of people without a robot are read. Bad episodes are skipped with their reason; only having
    none left is an error.

    Raises:
        UsageError: no dataset, or one twice.
        DatasetInvalid: a folder is no dataset, no episode is usable, or no joint moves in any of them.
    """
    folders = _distinct([*roots, *human])
    revisions = {str(root): data_revision(root) for root in folders}
    paths = {root: Dataset.open(root).episodes() for root in folders}
    total = sum(len(listed) for listed in paths.values())
    gathered = Gathering(wanted or Wanted(), constants or LabelConstants())
    for root, listed in paths.items():
        takeovers = Takeovers(root)
        for path in listed:
            gathered.add(takeovers, path, root in human)
            if progress is not None:
                progress(gathered.seen, total)
        takeovers.save()
    return gathered.finish(revisions)


def _distinct(roots: Sequence[Path]) -> list[Path]:
    if not roots:
        raise UsageError("no dataset was given to train on")
    twice = [str(root) for root, count in Counter(root.resolve() for root in roots).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]} was given twice, so each of its episodes would count twice")
    return list(roots)
