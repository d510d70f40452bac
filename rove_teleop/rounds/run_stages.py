"""The stages of a run: held-out values, labels, actor, report; each is skipped where its result is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..episodes.durability import write_durable_json
from ..errors import DatasetInvalid
from ..models.checkpoint import Checkpoint, load_checkpoint
from ..models.policy_critic import save_policy_critic
from ..robots.description import load_robot
from ..training.actor import ActorHeader, train_actor
from ..training.critic import load_critic, save_critic, train_critic
from ..training.cross_fit import cross_fitted_values
from ..training.methods import Method
from ..training.presets import Preset
from ..training.supervision import Supervision
from ..types import Array
from .curves import ACTOR, CRITIC, HELD_OUT, Curves
from .labels import Labels, label, load_values, save_labels, store_labels
from .metrics import run_metrics
from .report import write_report
from .run_config import file_sha256
from .training_data import TrainingData

EXECUTE = 8
"""Points of a plan that an actor from scratch means to be used; one that is trained further keeps its own."""


@dataclass(frozen=True, slots=True)
class RunStages:
    """A run's data and arguments, and the folder ``out`` in which its results lie."""

    data: TrainingData
    method: Method
    preset: Preset
    seed: int
    initial: Path | None
    out: Path
    config: dict[str, Any]

    @property
    def policy(self) -> Path:
        return self.out / "policy.safetensors"

    def values(self, curves: Curves) -> list[Array] | None:
        """Held-out values (k,) of every episode; the critic of all of them is kept (`tie_critic`)."""
        settings = self.preset.critic_of(self.method)
        if settings is None:
            return None
        settings = replace(settings, cameras=tuple(self.data.eyes))
        path, state = self.out / "critic.safetensors", self.out / "state" / "critic.safetensors"
        if not path.exists():
            critic = train_critic(self.data.episodes, settings, self.seed, progress=curves.of(CRITIC), resume=state)
            save_critic(path, critic)
        known = load_values(self.out / "labels.npz", self.data)
        if known is not None:
            return known
        return cross_fitted_values(self.data.episodes, settings, self.seed, progress=curves.of(HELD_OUT))

    def labels(self, values: list[Array] | None) -> tuple[Labels, Supervision]:
        """What the method makes of the values, also in labels.npz."""
        labels, supervision = label(self.data.episodes, self.method, values, self.preset.labels)
        save_labels(self.out / "labels.npz", self.data, labels)
        return labels, supervision

    def store(self, labels: Labels, name: str | None) -> list[str]:
        """Labels beside the episodes; a sentence for every dataset that cannot be written."""
        if name is None:
            return []
        critic = self.out / "critic.safetensors"
        return store_labels(self.data, labels, name, self.config, file_sha256(critic) if critic.exists() else "")

    def known_supervision(self) -> Supervision:
        """What the actor is shown, by the labels that another process wrote.

        Raises:
            DatasetInvalid: they are not of this data.
        """
        values = None
        if self.preset.critic_of(self.method) is not None:
            values = load_values(self.out / "labels.npz", self.data)
            if values is None:
                raise DatasetInvalid(f"{self.out / 'labels.npz'}: is not of the data that this process read")
        return label(self.data.episodes, self.method, values, self.preset.labels)[1]

    def actor(self, supervision: Supervision, curves: Curves | None) -> Checkpoint:
        """The actor; under torchrun every process has to ask. A first one is of the preset's ``base``."""
        initial = None if self.initial is None else load_checkpoint(self.initial)
        settings = self.preset.base if initial is None else self.preset.actor
        progress = None if curves is None else curves.of(ACTOR)
        state = self.out / "state" / "actor.safetensors"
        header = self._header(initial)
        return train_actor(self.data.episodes, supervision, header, settings, self.seed, initial, progress, state)

    def tie_critic(self) -> None:
        """The critic of all the data once more, beside the policy and tied to its bytes, for whoever runs it."""
        critic = self.out / "critic.safetensors"
        if critic.exists():
            save_policy_critic(self.policy, load_checkpoint(self.policy).header, load_critic(critic))

    def finish(self, labels: Labels, notes: list[str]) -> dict[str, Any]:
        """Report and figures. metrics.json comes last: a run that has it is finished."""
        metrics = {**run_metrics(self.data, self.method, labels, self.preset.critic.gamma, self.out), "notes": notes}
        write_report(self.out, self.data, self.config, labels, metrics)
        write_durable_json(self.out / "metrics.json", metrics)
        shutil.rmtree(self.out / "state", ignore_errors=True)
        return metrics

    def _header(self, initial: Checkpoint | None) -> ActorHeader:
        data = self.data
        return ActorHeader(
            task=data.task,
            robot=load_robot(data.robot),
            joint_names=data.joint_names,
            feature_names=data.feature_names,
            step_s=data.step_s,
            horizon=data.horizon,
            cameras=tuple(data.eyes),
            execute=min(EXECUTE, data.horizon) if initial is None else initial.header.execute,
            beta=self.preset.beta_of(self.method),
            provenance={
                "method": self.method.name,
                "preset": self.preset.name,
                "data.revision": data.revision,
                **{f"data.{name}": str(count) for name, count in data.counts().items()},
            },
        )
