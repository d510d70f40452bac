"""The actor of a round: fine-tuned on the chunks that a method chose, each with its tag, from the actor before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from ..errors import DatasetInvalid
from ..models.checkpoint import Checkpoint, CheckpointHeader
from ..models.flow import FlowActor, FlowSizes
from ..models.observation import Normalisation
from .actor_settings import ActorHeader, ActorSettings
from .actor_start import begin, must_fit
from .behaviour_cloning import weights_of
from .fitting import Progress, fit
from .regularisation import noise_scale
from .samples import Rows, moving, normalised, rows
from .steps import EpisodeSteps
from .supervision import Supervision

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
    With ``state`` an interrupted run goes on from that file, to the same bytes.

    Raises:
        DatasetInvalid: nothing to learn from, no joint that moves, or arrays that do not belong to the episodes.
        CheckpointInvalid: ``initial`` reads, moves or paces something else, or ``state`` is of another run.
    """
    _check(episodes, supervision, about)
    if initial is None:
        joints, features = moving(episodes, supervision, about.joint_names), about.feature_names
    else:
        must_fit(initial.header, about)
        joints, features = initial.header.joint_names, initial.header.feature_names
    if not joints:
        raise DatasetInvalid(f"no joint moves in what there is to learn from for task '{about.task}'")
    found = rows(episodes, supervision, about, joints, features)
    normalisation = Normalisation.fit(found.observation, found.delta_rad) if initial is None else initial.normalisation
    classes = 0 if found.positive is None else 3 if settings.null_share > 0.0 else 2
    actor = begin(initial, classes) if initial else _new(found, settings, classes, seed)
    samples = normalised(found, normalisation)
    average = fit(actor, samples, noise_scale(about.robot, joints), settings, seed, progress, state)
    made_from = _provenance(found, about, settings, seed, initial)
    return Checkpoint(_header(about, joints, features, average.sizes, made_from), normalisation, weights_of(average))


def _check(episodes: Sequence[EpisodeSteps], supervision: Supervision, about: ActorHeader) -> None:
    positive = supervision.positive if supervision.positive is not None else supervision.use
    if not len(episodes) == len(supervision.use) == len(positive):
        raise DatasetInvalid(f"{len(episodes)} episodes, but supervision of {len(supervision.use)}")
    for episode, use, good in zip(episodes, supervision.use, positive, strict=True):
        if not len(episode) == len(use) == len(good):
            raise DatasetInvalid(f"episode {episode.name} has {len(episode)} steps, supervision of {len(use)}")
        if not use.any():
            continue
        if (use & ~episode.imitable).any():
            raise DatasetInvalid(f"episode {episode.name}: a chunk of which nobody knows what followed is to be used")
        shape = (about.horizon, len(about.joint_names))
        if episode.delta_rad.shape[1:] != shape or episode.joints.shape[1] != 2 * shape[1]:
            raise DatasetInvalid(
                f"episode {episode.name} has chunks of {episode.delta_rad.shape[1:]}, the actor is for {shape}"
            )
        if episode.scene.shape[1] != len(about.feature_names):
            raise DatasetInvalid(
                f"episode {episode.name} has {episode.scene.shape[1]} features, not {len(about.feature_names)}"
            )


def _new(found: Rows, settings: ActorSettings, classes: int, seed: int) -> FlowActor:
    horizon, joints = found.delta_rad.shape[1:]
    sizes = FlowSizes(
        found.observation.shape[1], horizon, joints, settings.hidden, settings.layers, condition_classes=classes
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = FlowActor(sizes)
    if actor.condition is not None:
        torch.nn.init.zeros_(actor.condition.weight)
    return actor


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


def _header(
    about: ActorHeader,
    joints: tuple[str, ...],
    features: tuple[str, ...],
    sizes: FlowSizes,
    provenance: dict[str, str],
) -> CheckpointHeader:
    index = [about.robot.joint_names.index(name) for name in joints]
    return CheckpointHeader(
        task=about.task,
        robot=about.robot.name,
        robot_hash=about.robot.config_hash,
        joint_names=joints,
        q_min_rad=tuple(float(value) for value in about.robot.q_min_rad[index]),
        q_max_rad=tuple(float(value) for value in about.robot.q_max_rad[index]),
        feature_names=features,
        step_s=about.step_s,
        horizon=about.horizon,
        execute=about.execute,
        hidden=sizes.hidden,
        layers=sizes.layers,
        condition_classes=sizes.condition_classes,
        beta=None if not sizes.condition_classes else about.beta,
        provenance=provenance,
    )
