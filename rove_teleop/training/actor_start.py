"""Where an actor begins: fresh, or at an earlier checkpoint; tags come and go without changing what it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..errors import CheckpointInvalid, DatasetInvalid
from ..models.checkpoint import Checkpoint, CheckpointHeader, VisionHeader
from ..models.flow import POSITIVE
from ..models.policy_network import PolicyNetwork, build, network_of
from .actor_settings import ActorHeader, ActorSettings
from .samples import moving
from .steps import EpisodeSteps
from .supervision import Supervision


def first_header(
    episodes: Sequence[EpisodeSteps],
    supervision: Supervision,
    about: ActorHeader,
    settings: ActorSettings,
    condition_classes: int,
) -> CheckpointHeader:
    """The header of an actor from scratch: it moves the joints that move in what it is shown.

    Raises:
        DatasetInvalid: no joint moves, or a camera shows nothing in the first episode that is used.
    """
    joints = moving(episodes, supervision, about.joint_names)
    if not joints:
        raise DatasetInvalid(f"no joint moves in what there is to learn from for task '{about.task}'")
    index = [about.robot.joint_names.index(name) for name in joints]
    return CheckpointHeader(
        task=about.task,
        robot=about.robot.name,
        robot_hash=about.robot.config_hash,
        joint_names=joints,
        q_min_rad=tuple(float(value) for value in about.robot.q_min_rad[index]),
        q_max_rad=tuple(float(value) for value in about.robot.q_max_rad[index]),
        feature_names=() if about.cameras else about.feature_names,
        step_s=about.step_s,
        horizon=about.horizon,
        execute=about.execute,
        hidden=settings.hidden,
        layers=settings.layers,
        condition_classes=condition_classes,
        vision=_eyes(episodes, supervision, about, settings) if about.cameras else None,
    )


def next_header(initial: CheckpointHeader, about: ActorHeader, condition_classes: int) -> CheckpointHeader:
    """The header of an actor that goes on from ``initial``: only its tags and how much it executes may be new.

    Raises:
        CheckpointInvalid: the data lacks what ``initial`` reads or moves, or is cut for another pace.
    """
    for what, wanted, offered in (
        ("joints", initial.joint_names, about.joint_names),
        ("features", initial.feature_names, about.feature_names),
        ("cameras", initial.vision.cameras if initial.vision else (), about.cameras),
    ):
        missing = [name for name in wanted if name not in offered]
        if missing:
            raise CheckpointInvalid(f"the policy to begin with uses the {what} {missing}, which the data does not have")
    pace = (initial.horizon, initial.step_s)
    if pace != (about.horizon, about.step_s):
        raise CheckpointInvalid(
            f"the policy to begin with plans {pace[0]} points {pace[1]:g} s apart, "
            f"the data is cut for {about.horizon} points {about.step_s:g} s apart"
        )
    return replace(initial, execute=about.execute, condition_classes=condition_classes, provenance={})


def fresh(header: CheckpointHeader, seed: int) -> PolicyNetwork:
    """Random networks; tags begin without any effect."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = network_of(header)
    if network.actor.condition is not None:
        nn.init.zeros_(network.actor.condition.weight)
    return network


def begin(initial: Checkpoint, header: CheckpointHeader) -> PolicyNetwork:
    """Networks for ``header`` that do at first what ``initial`` does.

    New tags are zero embeddings. Where tags go away, what stays is the policy under the positive one.
    """
    weights = build(initial).state_dict()
    known = weights.pop("actor.condition.weight", None)
    network = network_of(header)
    if network.actor.condition is not None:
        embedding = torch.zeros_like(network.actor.condition.weight)
        if known is not None:
            shared = min(len(known), len(embedding))
            embedding[:shared] = known[:shared]
        weights["actor.condition.weight"] = embedding
    elif known is not None:
        _fold(weights, known[POSITIVE].view(header.layers, header.hidden))
    network.load_state_dict(weights)
    return network


def _fold(weights: dict[str, Tensor], scales: Tensor) -> None:
    """Put a constant scale (layers, hidden) of every hidden layer into the weights of the next."""
    for number, scale in enumerate(scales):
        key = f"actor.body.{2 * number + 2}.weight"
        weights[key] = weights[key] * (1.0 + scale)


def _eyes(
    episodes: Sequence[EpisodeSteps], supervision: Supervision, about: ActorHeader, settings: ActorSettings
) -> VisionHeader:
    used = [episode for episode, use in zip(episodes, supervision.use, strict=True) if use.any()]
    missing = [name for name in about.cameras if name not in used[0].images]
    if missing:
        raise DatasetInvalid(f"episode {used[0].name} has no images of {', '.join(missing)}")
    sizes = [used[0].images[name].shape[1:3] for name in about.cameras]
    return VisionHeader(
        cameras=about.cameras,
        heights=tuple(height for height, _ in sizes),
        widths=tuple(width for _, width in sizes),
        instructions=tuple(sorted({episode.instruction for episode in used})),
        width=settings.vision_width,
        blocks=settings.vision_blocks,
        heads=settings.vision_heads,
    )
