"""The networks of one policy: a flow-matching actor, and eyes before it where it has cameras."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import CheckpointInvalid
from .checkpoint import Checkpoint, CheckpointHeader
from .flow import FlowActor, FlowSizes
from .looking import Looked
from .vision import VisionEncoder


class PolicyNetwork(nn.Module):
    """``actor`` reads the normalised observation and, where there are cameras, the features of ``vision`` after it."""

    def __init__(self, actor: FlowActor, vision: VisionEncoder | None = None) -> None:
        super().__init__()
        self.actor = actor
        self.vision = vision

    def see(self, observation: Tensor, looked: Looked) -> Tensor:
        """What the actor reads (b, d + features) where the normalised observation is ``observation`` (b, d)."""
        if self.vision is None:
            return observation
        return torch.cat([observation, self.vision(looked.images, looked.instruction)], dim=1)


def network_of(header: CheckpointHeader) -> PolicyNetwork:
    """Fresh networks of the sizes that a header says; `CheckpointInvalid` for sizes that cannot be."""
    if header.condition_classes == 1:
        raise CheckpointInvalid(f"the policy for '{header.task}' has 1 condition class; there are none, two or three")
    sizes = FlowSizes(
        observation=header.observation_size + (header.vision.width if header.vision else 0),
        horizon=header.horizon,
        joints=len(header.joint_names),
        hidden=header.hidden,
        layers=header.layers,
        condition_classes=header.condition_classes,
    )
    return PolicyNetwork(FlowActor(sizes), VisionEncoder(header.vision) if header.vision else None)


def build(checkpoint: Checkpoint) -> PolicyNetwork:
    """The networks of a checkpoint, ready to act; `CheckpointInvalid` when the weights have other shapes."""
    network = network_of(checkpoint.header)
    _load(network.actor, checkpoint.weights, checkpoint.header.task)
    if network.vision is not None:
        _load(network.vision, checkpoint.vision_weights, checkpoint.header.task)
    network.requires_grad_(False)
    return network.eval()


def weights_of(module: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The parameters as arrays by name."""
    return {key: value.detach().cpu().numpy().astype(np.float32) for key, value in module.state_dict().items()}


def _load(module: nn.Module, weights: Mapping[str, NDArray[np.float32]], task: str) -> None:
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if wanted != found:
        differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        sides = "; ".join(f"'{key}' is {found.get(key)}, must be {wanted.get(key)}" for key in differing)
        raise CheckpointInvalid(f"the weights of the policy for '{task}' do not fit its header: {sides}")
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in weights.items()})
