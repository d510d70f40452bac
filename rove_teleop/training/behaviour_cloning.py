"""Behaviour cloning of a flow-matching policy, from trajectories to a checkpoint, readable from top to bottom."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import DatasetInvalid
from ..models.checkpoint import Checkpoint, CheckpointHeader
from ..models.flow import FlowActor, FlowSizes, flow_matching_loss
from ..models.observation import Normalisation
from ..models.policy_network import weights_of
from ..robots.description import RobotDescription
from .optimisation import move_average, schedule
from .windows import Trajectory, Windows, cut_windows, join, moving_joints

Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the loss (mean since the last call)."""


@dataclass(frozen=True, slots=True)
class CloningSettings:
    """Hyper-parameters. ``input_noise`` is in standard deviations of the normalised observation.

    Plans of 50 steps of which 16 are used did worse at 50 ms, and ran at the limit of jerk at 20 ms (docs/policies.md).
    """

    step_s: float = 0.05
    horizon: int = 16
    execute: int = 8
    hidden: int = 256
    layers: int = 3
    steps: int = 3000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    average_decay: float = 0.995
    input_noise: float = 0.02
    report_every: int = 100


def train(
    trajectories: list[Trajectory],
    task: str,
    robot: RobotDescription,
    seed: int = 0,
    settings: CloningSettings = CloningSettings(),
    feature_names: tuple[str, ...] | None = None,
    progress: Progress | None = None,
    provenance: dict[str, str] | None = None,
) -> Checkpoint:
    """Clone the behaviour in ``trajectories``. The same input and seed give the same checkpoint, bit by bit.

    ``feature_names`` are the task features the policy may read (all of the first trajectory's when left out).

    Raises:
        DatasetInvalid: no trajectory, no motion, no usable sample, or trajectories of different joints or features.
    """
    torch.set_num_threads(1)
    features = _check(trajectories, robot, feature_names)
    joints = moving_joints(trajectories)
    if not joints:
        raise DatasetInvalid(f"no joint moves in the {len(trajectories)} trajectories for task '{task}'")
    samples = join([cut_windows(item, joints, features, settings.step_s, settings.horizon) for item in trajectories])
    if not len(samples.observation):
        raise DatasetInvalid(f"the {len(trajectories)} trajectories for task '{task}' hold no sample without NaN")
    normalisation = Normalisation.fit(samples.observation, samples.delta_rad)
    actor = fit(samples, normalisation, seed, settings, progress)
    made_from = {
        "method": "behaviour cloning, flow matching",
        "trajectories": str(len(trajectories)),
        "samples": str(len(samples.observation)),
        "seed": str(seed),
        **{f"settings.{key}": str(value) for key, value in asdict(settings).items()},
        **(provenance or {}),
    }
    return Checkpoint(_header(task, robot, joints, features, settings, made_from), normalisation, weights_of(actor))


def fit(
    samples: Windows,
    normalisation: Normalisation,
    seed: int,
    settings: CloningSettings,
    progress: Progress | None = None,
) -> FlowActor:
    """Train an actor on ``samples`` and return the running average of its weights."""
    observation = torch.from_numpy(normalisation.encode(samples.observation)).float()
    chunk = torch.from_numpy(normalisation.encode_delta(samples.delta_rad)).float()
    generator = torch.Generator().manual_seed(seed)
    actor = _new_actor(observation, chunk, settings, seed)
    average = copy.deepcopy(actor)
    optimiser = torch.optim.AdamW(actor.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    losses: list[float] = []
    for step in range(1, settings.steps + 1):
        batch = torch.randint(len(observation), (settings.batch,), generator=generator)
        seen = observation[batch]
        seen = seen + settings.input_noise * torch.randn(seen.shape, generator=generator)
        loss = flow_matching_loss(actor, chunk[batch], seen, generator)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * schedule(step, settings.steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(actor.parameters(), 1.0)
        optimiser.step()
        move_average(average, actor, min(settings.average_decay, step / (step + 10.0)))
        losses.append(loss.item())
        if progress is not None and (step % settings.report_every == 0 or step == settings.steps):
            progress(step, settings.steps, float(np.mean(losses)))
            losses.clear()
    return average


def _new_actor(observation: Tensor, chunk: Tensor, settings: CloningSettings, seed: int) -> FlowActor:
    sizes = FlowSizes(observation.shape[1], chunk.shape[1], chunk.shape[2], settings.hidden, settings.layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FlowActor(sizes)


def _check(
    trajectories: list[Trajectory], robot: RobotDescription, feature_names: tuple[str, ...] | None
) -> tuple[str, ...]:
    if not trajectories:
        raise DatasetInvalid("there is no trajectory to learn from")
    for number, item in enumerate(trajectories):
        if item.joint_names != robot.joint_names:
            raise DatasetInvalid(
                f"trajectory {number} has joints {list(item.joint_names)}, "
                f"but robot '{robot.name}' has {list(robot.joint_names)}"
            )
        wanted = feature_names or trajectories[0].feature_names
        missing = [name for name in wanted if name not in item.feature_names]
        if missing:
            raise DatasetInvalid(f"trajectory {number} lacks the features {missing}, it has {list(item.feature_names)}")
    return feature_names or trajectories[0].feature_names


def _header(
    task: str,
    robot: RobotDescription,
    joints: tuple[str, ...],
    features: tuple[str, ...],
    settings: CloningSettings,
    provenance: dict[str, str],
) -> CheckpointHeader:
    index = [robot.joint_names.index(name) for name in joints]
    return CheckpointHeader(
        task=task,
        robot=robot.name,
        robot_hash=robot.config_hash,
        joint_names=joints,
        q_min_rad=tuple(float(value) for value in robot.q_min_rad[index]),
        q_max_rad=tuple(float(value) for value in robot.q_max_rad[index]),
        feature_names=features,
        step_s=settings.step_s,
        horizon=settings.horizon,
        execute=settings.execute,
        hidden=settings.hidden,
        layers=settings.layers,
        provenance=provenance,
    )
