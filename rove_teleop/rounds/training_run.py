"""One round of training, from data to a run folder: critic, held-out values, labels, actor, report.

Every stage writes its result by rename and is skipped where the result is there, so that a run that was killed goes
on where it was when it is started again with the same arguments.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DatasetInvalid
from ..failure.step_labels import LabelConstants
from ..models.checkpoint import save_checkpoint
from ..training.devices import Place, training_place
from ..training.methods import Method
from ..training.methods import method as method_named
from ..training.presets import Preset
from ..training.presets import preset as preset_named
from .curves import Curves
from .labels import check_run_name
from .run_config import begin_run, locked, run_config
from .run_stages import RunStages
from .training_data import TrainingData

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
    actor, base = (replace(numbers, steps=steps, epochs=0.0) for numbers in (preset.actor, preset.base))
    return replace(preset, critic=critic, actor=actor, base=base)


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
    the labels as derived labels of that name. Under torchrun every process calls it; one writes.

    Raises:
        UsageError: no such method or preset, a folder that holds something else or a run with other arguments or of
            other data, or a name of labels that is taken.
        DatasetInvalid: nothing to learn from, one outcome only, rewards that are not those of the preset, or a folder
            that cannot be written.
        CheckpointInvalid: ``initial`` does not fit the data.
    """
    how, chosen = method_named(method), preset_named(preset) if isinstance(preset, str) else preset
    if replace(data.constants, rate_hz=1.0) != constants_of(chosen, 1.0):
        raise DatasetInvalid(f"the data was read with other rewards than those of preset '{chosen.name}'")
    used = _for_method(data, how)
    config = run_config(used, method, chosen, seed, initial)
    stages, place = RunStages(used, how, chosen, seed, initial, out, config), training_place()
    if not place.is_first:
        return _follow(stages, place)
    with locked(out):
        begin_run(out, config)
        if label_run is not None:
            check_run_name(used, label_run, config)
        if (out / "metrics.json").exists():
            place.wait()
        else:
            try:
                _lead(stages, place, progress, label_run)
            except OSError as error:
                raise DatasetInvalid(f"{out}: the run cannot be written ({error.strerror or error})") from error
        place.wait()
        return _finished(out)


def _lead(stages: RunStages, place: Place, progress: Progress | None, label_run: str | None) -> None:
    """What one process does: everything but its share of the actor, which all train together."""
    with Curves(stages.out, progress) as curves:
        labels, supervision = stages.labels(stages.values(curves))
        notes = [*stages.store(labels, label_run), *([curves.note] if curves.note else [])]
        place.wait()
        if not stages.policy.exists():
            save_checkpoint(stages.policy, stages.actor(supervision, curves))
        stages.tie_critic()
    stages.finish(labels, notes)


def _follow(stages: RunStages, place: Place) -> TrainedRun:
    """What the other processes of torchrun do."""
    place.wait()
    # The first process writes the policy only after all have trained it, so that none looks for it too late.
    if not stages.policy.exists():
        stages.actor(stages.known_supervision(), None)
    place.wait()
    return _finished(stages.out)


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
