"""The actor of a round: trained on the chunks that a method chose, each with its tag, from the actor before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from ..errors import DatasetInvalid
from ..models.checkpoint import Checkpoint
from ..models.observation import Normalisation
from ..models.policy_network import weights_of
from .actor_settings import ActorHeader, ActorSettings
from .actor_start import begin, first_header, fresh, next_header
from .devices import training_place
from .fitting import Progress, fit
from .regularisation import noise_scale
from .samples import Rows, normalised, rows
from .steps import EpisodeSteps
from .supervision import Flags, Supervision

__all__ = ["ActorHeader", "ActorSettings", "Progress", "Supervision", "train_actor"]


def train_actor(
    episodes: Sequence[EpisodeSteps],
    supervision: Supervision,
    about: ActorHeader,
    settings: ActorSettings,
    seed: int = 0,
    initial: Checkpoint | None = None,
    progress: Progress | None = None,
    state: Path | None = None,
) -> Checkpoint:
    """Train on what ``supervision`` uses. The same input and seed give the same checkpoint on a CPU, bit by bit.

    From ``initial`` come the joints, the features, the normalisation, the network and its size; tags that it did not
    have begin without any effect. Without it the joints are those that move, and the normalisation fits the data.
    With ``state`` an interrupted run goes on from that file, to the same bytes. Under torchrun every process trains
    on its share and returns the same checkpoint (`devices.training_place`).

    Raises:
        DatasetInvalid: nothing to learn from, no joint that moves, or arrays that do not belong to the episodes.
        CheckpointInvalid: ``initial`` reads, moves or paces something else, or ``state`` is of another run.
        UsageError: a batch that cannot be dealt out evenly to the processes.
    """
    _check(episodes, supervision, about)
    classes = 0 if supervision.positive is None else 3 if settings.null_share > 0.0 else 2
    if initial is None:
        header = first_header(episodes, supervision, about, settings, classes)
        network = fresh(header, seed)
    else:
        header = next_header(initial.header, about, classes)
        network = begin(initial, header)
    found = rows(episodes, supervision, about, header)
    passes = math.ceil(settings.epochs * len(found.observation) / settings.batch)
    settings = replace(settings, steps=max(settings.steps, passes))
    normalisation = Normalisation.fit(found.observation, found.delta_rad) if initial is None else initial.normalisation
    scale = noise_scale(about.robot, header.joint_names)
    place = training_place()
    average = fit(network, normalised(found, normalisation), scale, settings, seed, place, progress, state)
    return Checkpoint(
        replace(
            header,
            beta=about.beta if classes else None,
            provenance=_provenance(found, about, settings, seed, initial),
        ),
        normalisation,
        weights_of(average.actor),
        weights_of(average.vision) if average.vision is not None else {},
    )


def _check(episodes: Sequence[EpisodeSteps], supervision: Supervision, about: ActorHeader) -> None:
    """Refuse supervision of something else, and a supervision of nothing."""
    positive = supervision.use if supervision.positive is None else supervision.positive
    if not len(episodes) == len(supervision.use) == len(positive):
        raise DatasetInvalid(f"{len(episodes)} episodes, but supervision of {len(supervision.use)}")
    for episode, use, good in zip(episodes, supervision.use, positive, strict=True):
        if not len(episode) == len(use) == len(good):
            raise DatasetInvalid(f"episode {episode.name} has {len(episode)} steps, supervision of {len(use)}")
        if use.any():
            _check_used(episode, use, about)
    if not any(use.any() for use in supervision.use):
        raise DatasetInvalid(f"none of the {len(episodes)} episodes has a chunk that this method learns from")


def _check_used(episode: EpisodeSteps, use: Flags, about: ActorHeader) -> None:
    if (use & ~episode.imitable).any():
        raise DatasetInvalid(f"episode {episode.name}: a chunk of which nobody knows what followed is to be used")
    wanted = (about.horizon, len(about.joint_names), len(about.feature_names))
    offered = (*episode.delta_rad.shape[1:], episode.scene.shape[1])
    if offered != wanted or episode.joints.shape[1] != 2 * wanted[1]:
        raise DatasetInvalid(
            f"episode {episode.name} has (horizon, joints, features) {offered}, the actor is for {wanted}"
        )


def _provenance(
    found: Rows, about: ActorHeader, settings: ActorSettings, seed: int, initial: Checkpoint | None
) -> dict[str, str]:
    tags = {} if found.positive is None else {"positive": f"{found.positive.mean():.3f}"}
    return {
        "samples": str(len(found.observation)),
        "seed": str(seed),
        "torch": torch.__version__,
        "initial": "none" if initial is None else initial.header.provenance.get("method", "unnamed"),
        **tags,
        **{f"settings.{key}": str(value) for key, value in asdict(settings).items()},
        **about.provenance,
    }
