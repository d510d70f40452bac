"""Noise and dropout of the joints in training, so that an actor with little data does not cling to them."""

from __future__ import annotations

import torch
from torch import Tensor

from ..robots.description import RobotDescription

STEADY_GROUPS = ("neck", "head", "waist")
STEADY_SCALE = 0.3
"""Head and waist move little and carry the rest: the paper gives them less noise and no number; this one is ours."""


def noise_scale(robot: RobotDescription, joint_names: tuple[str, ...]) -> Tensor:
    """Factor on the noise per column of the joints block (2 m): measured, then commanded minus measured."""
    steady = {
        robot.joint_names[index] for group in STEADY_GROUPS if group in robot.groups for index in robot.groups[group]
    }
    scale = torch.tensor([STEADY_SCALE if name in steady else 1.0 for name in joint_names])
    return scale.repeat(2)


def regularise(
    observation: Tensor,
    scale: Tensor,
    dropout: float,
    noise_probability: float,
    noise_std: float,
    generator: torch.Generator,
) -> Tensor:
    """Normalised observation (b, d) whose first columns, as many as ``scale`` has, are the joints.

    Per sample: with probability ``dropout`` all joints become 0, their mean; with ``noise_probability`` they get
    Gaussian noise. What follows the joints (the scene) is never touched.
    """
    count, joints = len(observation), len(scale)
    seen = observation.clone()
    if noise_probability > 0.0 and noise_std > 0.0:
        noisy = torch.rand((count, 1), generator=generator) < noise_probability
        seen[:, :joints] += noisy * (noise_std * scale) * torch.randn((count, joints), generator=generator)
    if dropout > 0.0:
        seen[:, :joints] *= torch.rand((count, 1), generator=generator) >= dropout
    return seen
