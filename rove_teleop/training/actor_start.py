"""Where fine-tuning begins: at an earlier checkpoint, with tags added or taken away without changing what it does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointInvalid
from ..models.checkpoint import Checkpoint, CheckpointHeader
from ..models.flow import POSITIVE, FlowActor, FlowSizes
from .actor_settings import ActorHeader


def must_fit(initial: CheckpointHeader, about: ActorHeader) -> None:
    """Raises `CheckpointInvalid`, naming the difference, unless the data has what ``initial`` reads and moves."""
    for what, wanted, offered in (
        ("joints", initial.joint_names, about.joint_names),
        ("features", initial.feature_names, about.feature_names),
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


def begin(initial: Checkpoint, condition_classes: int) -> FlowActor:
    """An actor of ``condition_classes`` that does at first what ``initial`` does.

    New tags are zero embeddings. Where tags go away, what stays is the policy under the positive one.
    """
    header = initial.header
    sizes = FlowSizes(
        observation=header.observation_size,
        horizon=header.horizon,
        joints=len(header.joint_names),
        hidden=header.hidden,
        layers=header.layers,
        condition_classes=condition_classes,
    )
    weights = {key: torch.from_numpy(np.array(value)) for key, value in initial.weights.items()}
    known = weights.pop("condition.weight", None)
    if condition_classes:
        embedding = torch.zeros((condition_classes, sizes.time_embedding))
        if known is not None:
            shared = min(len(known), condition_classes)
            embedding[:shared] = known[:shared]
        weights["condition.weight"] = embedding
    elif known is not None:
        weights["body.0.bias"] = _folded(weights, known[POSITIVE])
    actor = FlowActor(sizes)
    actor.load_state_dict(weights)
    return actor


def _folded(weights: dict[str, Tensor], embedding: Tensor) -> Tensor:
    """The first bias with a constant embedding in it: it is added to the last inputs of the first layer."""
    return weights["body.0.bias"] + weights["body.0.weight"][:, -len(embedding) :] @ embedding
