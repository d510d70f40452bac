"""The learned policy in this process: measured joints, commanded joints and task features in, a plan of targets out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import UsageError
from ..models.checkpoint import Checkpoint, load_checkpoint
from ..models.flow import Continuation, sample
from ..models.looking import Looked, blank, look
from ..models.observation import observe
from ..models.policy_critic import PolicyCritic, is_critic, load_policy_critic
from ..models.policy_network import build
from ..robots.description import RobotDescription
from ..types import Array
from .binding import bind_features, bind_joints, check_rates
from .continuation import PlanBefore
from .protocol import Observation, Plan

__all__ = ["LocalPolicy", "Plan", "load_policy", "shipped_checkpoint"]

MOST_BETA = 10.0
CHECKPOINTS = Path(__file__).parent / "checkpoints"


class LocalPolicy:
    """A checkpoint bound to a robot. The same seed and the same observations give the same plans."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        robot: RobotDescription,
        seed: int = 0,
        euler_steps: int = 8,
        continues: bool = True,
        critic: PolicyCritic | None = None,
    ) -> None:
        """``continues``: a plan goes on from the one before (real-time chunking) instead of beginning anew.

        ``critic`` says what each situation is worth: the ``value`` of plans, which is None without one.

        Raises `CheckpointInvalid` when joints, limits or weights do not fit, naming both sides.
        """
        torch.set_num_threads(1)
        self.header = checkpoint.header
        self.execute_s = self.header.step_s * self.header.execute
        self.refused: Counter[str] = Counter()
        check_rates(self.header, robot)
        self.joint_index = bind_joints(self.header, robot)
        self._joint_count = len(robot.joint_names)
        self._normalisation = checkpoint.normalisation
        self._network = build(checkpoint)
        self._critic = critic
        self._offset_s: Array = self.header.step_s * np.arange(1.0, self.header.horizon + 1.0)
        self._euler_steps = euler_steps
        self._before = PlanBefore() if continues else None
        usual = 1.0 if self.header.beta is None else self.header.beta
        self._beta = usual if self.header.condition_classes else None
        self._features: tuple[tuple[str, ...], NDArray[np.int64]] | None = None
        self.reset(seed)
        self._warm_up()

    def reset(self, seed: int) -> None:
        """Begin an episode: the sampling noise restarts from ``seed``."""
        self._seed = seed
        self._generator = torch.Generator().manual_seed(seed)
        if self._before is not None:
            self._before.forget()

    @property
    def beta(self) -> float | None:
        """Strength of guidance between the negative and the positive condition; None for a policy without them."""
        return self._beta

    @beta.setter
    def beta(self, beta: float) -> None:
        """Counts from the next plan on; `UsageError` unless it is 0 to `MOST_BETA` and the policy has conditions."""
        if self._beta is None:
            raise UsageError(f"the policy for '{self.header.task}' has no conditions, so it has no beta")
        if not (0.0 <= beta <= MOST_BETA):
            raise UsageError(f"beta must be 0 to {MOST_BETA:g}, got {beta}")
        self._beta = float(beta)

    @property
    def cameras(self) -> tuple[str, ...]:
        return self.header.vision.cameras if self.header.vision else ()

    @property
    def problem(self) -> str | None:
        return None

    def act(self, observation: Observation) -> Plan | None:
        """Plan from measured and commanded joints, the task's features, which are taken by name, and images.

        Images of another size than in training are averaged down to it. Returns None, counted in ``refused``, for an
        observation or a plan that is not finite or of the wrong shape, without an image, or with a new instruction.

        Raises:
            CheckpointInvalid: the task does not offer a feature that the policy reads.
        """
        seen = observation
        chosen = self._choose(seen.feature_names)
        joints = (self._joint_count,)
        if not seen.q_measured_rad.shape == seen.q_commanded_rad.shape == joints or len(seen.features) != len(
            seen.feature_names
        ):
            return self._refuse("wrong shape")
        measured_rad, features = seen.q_measured_rad[self.joint_index], np.asarray(seen.features)[chosen]
        inputs = observe(measured_rad, seen.q_commanded_rad[self.joint_index], features)
        if not np.all(np.isfinite(inputs)):
            return self._refuse("observation not finite")
        encoded = self._normalisation.encode(inputs)
        looked = look(self.header.vision, seen.images, seen.instruction)
        if isinstance(looked, str):
            return self._refuse(looked)
        q_rad = measured_rad + self._sample(encoded, looked, self._continuation(seen, measured_rad))
        if not np.all(np.isfinite(q_rad)):
            return self._refuse("plan not finite")
        value = None if self._critic is None else self._critic.value(features, looked.images, seen.instruction)
        plan = Plan(self._offset_s, self.joint_index, q_rad, embedding=encoded, value=value)
        if self._before is not None:
            self._before.remember(seen.stamp_s, plan)
        return plan

    def _warm_up(self) -> None:
        """The first gradient of a process takes seconds on a busy machine: now, and not in the second plan."""
        if self._before is None:
            return
        chunk = torch.zeros((1, self.header.horizon, len(self.header.joint_names)))
        nothing = np.zeros(self.header.observation_size)
        self._sample(nothing, blank(self.header.vision), Continuation(chunk, torch.zeros(self.header.horizon)))
        self.reset(self._seed)

    def _refuse(self, reason: str) -> Plan | None:
        self.refused[reason] += 1
        return None

    def _choose(self, feature_names: tuple[str, ...]) -> NDArray[np.int64]:
        if self._features is None or self._features[0] != feature_names:
            self._features = (feature_names, bind_features(self.header, feature_names))
        return self._features[1]

    def _continuation(self, seen: Observation, measured_rad: Array) -> Continuation | None:
        ahead = None
        if self._before is not None:
            ahead = self._before.ahead(seen.stamp_s, seen.q_commanded_rad, self._offset_s, seen.delay_s)
        if ahead is None:
            return None
        chunk = self._normalisation.encode_delta(ahead[0] - measured_rad)
        return Continuation(torch.from_numpy(chunk).float()[None], torch.from_numpy(ahead[1]).float())

    def _sample(self, encoded: Array, looked: Looked, continuation: Continuation | None) -> Array:
        """Joint deltas (h, m) in radians."""
        chunk = sample(
            self._network.actor,
            self._network.see(torch.from_numpy(encoded).float()[None], looked),
            self._generator,
            self._euler_steps,
            beta=self._beta,
            continuation=continuation,
        )
        return self._normalisation.decode_delta(chunk[0].double().numpy())


def shipped_checkpoint(task: str) -> Path:
    """Path of the base policy that comes with the package for ``task``, or `UsageError` listing what there is."""
    path = CHECKPOINTS / f"{task}.safetensors"
    if not path.is_file():
        shipped = sorted(item.stem for item in CHECKPOINTS.glob("*.safetensors") if not is_critic(item))
        raise UsageError(f"no policy is shipped for task '{task}' (there are: {', '.join(shipped) or 'none'})")
    return path


def load_policy(path: Path, robot: RobotDescription, seed: int = 0) -> LocalPolicy:
    """Read a checkpoint, and the critic beside it if there is one, and bind it to ``robot``.

    Raises:
        CheckpointInvalid: it does not fit, or the critic is another policy's; both sides are named.
    """
    checkpoint = load_checkpoint(path)
    return LocalPolicy(checkpoint, robot, seed, critic=load_policy_critic(path, checkpoint.header))
