"""One round of training, from data to a run folder: critic, held-out values, labels, actor, report.

Every stage writes its result by rename and is skipped where the result is there, so that a run that was killed goes
on where it was when it is started again with the same arguments.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..episodes.durability import write_durable_json
from ..errors import DatasetInvalid
from ..failure.step_labels import LabelConstants
from ..models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ..robots.description import load_robot
from ..training.actor import ActorHeader, train_actor
from ..training.critic import save_critic, train_critic
from ..training.cross_fit import cross_fitted_values
from ..training.methods import METHODS, Method
from ..training.methods import method as method_named
from ..training.presets import Preset
from ..training.presets import preset as preset_named
from ..training.supervision import Supervision
from ..types import Array
from .curves import ACTOR, CRITIC, HELD_OUT, Curves
from .labels import Labels, check_run_name, label, load_values, save_labels, store_labels
from .metrics import run_metrics
from .report import write_report
from .run_config import begin_run, file_sha256, locked, run_config
from .training_data import TrainingData

__all__ = ["METHODS", "TrainedRun", "constants_of", "train_method"]

EXECUTE = 8
"""Points of a plan that an actor from scratch means to be used; one that is trained further keeps its own."""
Progress = Callable[[str, int, int, str], None]
"""Called with the stage, how far, of how much, and a remark."""


@dataclass(frozen=True, slots=True)
class TrainedRun:
    """A finished run: its folder, the policy in it, what it measured, and what a person should know of it."""

    out: Path
    policy: Path
    metrics: dict[str, Any]
    notes: tuple[str, ...]


def constants_of(preset: Preset, step_s: float = 0.05) -> LabelConstants:
    """The rewards of a preset per step of ``step_s``: what `read_training_data` needs."""
    rewards = preset.rewards
    return LabelConstants(1.0 / step_s, rewards.step, rewards.success, rewards.c_fail)


def with_steps(preset: Preset, steps: int) -> Preset:
    """The preset with other numbers of gradient steps, for a quick look."""
    critic = replace(preset.critic, steps=steps, pretrain_steps=min(preset.critic.pretrain_steps, steps))
    return replace(
        preset, critic=critic, actor=replace(preset.actor, steps=steps), base=replace(preset.base, steps=steps)
    )


def train_method(
    data: TrainingData,
    method: str,
    out: Path,
    preset: str | Preset = "paper",
    seed: int = 0,
    initial: Path | None = None,
    progress: Progress | None = None,
    label_run: str | None = None,
) -> TrainedRun:
    """Train ``method`` on ``data`` into the folder ``out``; the same arguments give the same policy, bit for bit.

    ``initial`` is the checkpoint that is trained further. With ``label_run`` every dataset that can be written gets
    the labels as derived labels of that name.

    Raises:
        UsageError: no such method or preset, a folder that holds something else or a run with other arguments or of
            other data, or a name of labels that is taken.
        DatasetInvalid: nothing to learn from, one outcome only, or rewards that are not those of the preset.
        CheckpointInvalid: ``initial`` does not fit the data.
    """
    how, chosen = method_named(method), preset_named(preset) if isinstance(preset, str) else preset
    if replace(data.constants, rate_hz=1.0) != constants_of(chosen, 1.0):
        raise DatasetInvalid(f"the data was read with other rewards than those of preset '{chosen.name}'")
    used = _for_method(data, how)
    config = run_config(used, method, chosen, seed, initial)
    with locked(out):
        begin_run(out, config)
        if label_run is not None:
            check_run_name(used, label_run, config)
        if (out / "metrics.json").exists():
            return _finished(out)
        return _Run(used, how, chosen, seed, initial, out, config, label_run).train(progress)


def _for_method(data: TrainingData, method: Method) -> TrainingData:
    """Without the episodes of people without a robot where the method does not learn from them."""
    if method.uses_human:
        return data
    kept = [number for number, episode in enumerate(data.episodes) if episode.kind != "human"]
    why = f"{method.name} does not learn from people without a robot"
    left_out = {f"{s.root}/{s.id}": why for number, s in enumerate(data.sources) if number not in set(kept)}
    if not kept:
        raise DatasetInvalid(f"{', '.join(data.revisions)}: {why}, and there is nobody else in it")
    return replace(
        data,
        episodes=[data.episodes[number] for number in kept],
        sources=[data.sources[number] for number in kept],
        skipped={**data.skipped, **left_out},
    )


def _finished(out: Path) -> TrainedRun:
    try:
        metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
        return TrainedRun(out, out / "policy.safetensors", metrics, tuple(metrics["notes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{out / 'metrics.json'}: cannot be read ({error})") from error


@dataclass(frozen=True, slots=True)
class _Run:
    data: TrainingData
    method: Method
    preset: Preset
    seed: int
    initial: Path | None
    out: Path
    config: dict[str, Any]
    label_run: str | None

    def train(self, progress: Progress | None) -> TrainedRun:
        with Curves(self.out, progress) as curves:
            values = self._values(curves)
            labels, supervision = label(self.data.episodes, self.method, values, self.preset.labels)
            save_labels(self.out / "labels.npz", self.data, labels)
            notes = [*self._store(labels), *([curves.note] if curves.note else [])]
            self._actor(supervision, curves)
        metrics = {**run_metrics(self.data, self.method, labels, self.preset.critic.gamma, self.out), "notes": notes}
        write_report(self.out, self.data, self.config, labels, metrics)
        write_durable_json(self.out / "metrics.json", metrics)
        shutil.rmtree(self.out / "state", ignore_errors=True)
        return TrainedRun(self.out, self.out / "policy.safetensors", metrics, tuple(notes))

    def _values(self, curves: Curves) -> list[Array] | None:
        """Held-out values of every episode; the critic of all of them is kept for whoever runs the policy."""
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

    def _store(self, labels: Labels) -> list[str]:
        if self.label_run is None:
            return []
        critic = self.out / "critic.safetensors"
        return store_labels(
            self.data, labels, self.label_run, self.config, file_sha256(critic) if critic.exists() else ""
        )

    def _actor(self, supervision: Supervision, curves: Curves) -> None:
        path = self.out / "policy.safetensors"
        if path.exists():
            return
        initial = None if self.initial is None else load_checkpoint(self.initial)
        checkpoint = train_actor(
            self.data.episodes,
            supervision,
            self._header(initial),
            self.preset.base if initial is None else self.preset.actor,
            self.seed,
            initial,
            curves.of(ACTOR),
            self.out / "state" / "actor.safetensors",
        )
        save_checkpoint(path, checkpoint)

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
