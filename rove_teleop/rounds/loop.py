"""The loop: demonstrate, train, evaluate, collect with interventions, train on all of it, round after round.

Every stage writes its result once and is skipped where it is there, so that a run that was killed at any point goes on
when it is started again with the same arguments, and ends with the same policies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..episodes.durability import write_durable_json
from ..episodes.label_runs import data_revision
from ..errors import DatasetInvalid, UsageError
from ..failure_calibration.files import file_hash, find_calibration, policy_hash
from ..models.checkpoint import load_checkpoint
from ..training.methods import method as method_named
from ..training.presets import preset as preset_named
from ..virtual_time.evaluation import FIRST_SEED
from .alarms import calibrate_alarms, trigger_leads
from .collection import Driver, collect_demonstrations, collect_round
from .critic_metrics import live_ranking
from .evaluation import evaluate_and_hear, evaluation_json
from .loop_settings import MOST_EPISODES, LoopSettings
from .stages import Stages
from .summary import add_to_report, collection_json, loop_summary
from .training_data import Wanted, read_training_data, wanted_of
from .training_run import constants_of, train_method
from .workers import Workers

COLLECTION_SEED = 20_000_000
"""Seeds of collected episodes lie apart from those of evaluations, calibrations and demonstrations."""
RESTARTS = ("recap",)
"""Methods that go on from the base policy in every round, where the others go on from the round before (App. E)."""
Progress = Callable[[str, int, int, str], None]
"""Called with the stage, how far, of how much, and a remark."""


def run_loop(
    settings: LoopSettings,
    out: Path,
    workers: Workers,
    base: Path | None = None,
    human: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run or go on with a run in ``out``; the content of its ``summary.json``.

    ``base``: another run's folder, whose demonstrations, round 0 and episodes of round 0 are used (and made there where
    they are missing). ``human``: a dataset of people without a robot, for methods that learn from it.

    Raises:
        UsageError: ``out`` or ``base`` is a run of something else.
        DatasetInvalid, CheckpointInvalid: something in them is damaged, or cannot be written.
        StageLost: a worker process died; the same call goes on from there.
    """
    try:
        return _run(settings, out, workers, base, human, progress)
    except OSError as error:
        raise DatasetInvalid(f"{error.filename or out}: a run cannot be written here ({error.strerror})") from error


def _run(
    settings: LoopSettings,
    out: Path,
    workers: Workers,
    base: Path | None,
    human: Path | None,
    progress: Progress | None,
) -> dict[str, Any]:
    _begin(out, settings.config())
    if base is not None:
        _must_share(base, settings)
    loop = _Loop(settings, out, base or out, human, workers, progress)
    # Whoever reads the summary while a run goes on sees no round vanish from it.
    known = len(_read(out / "summary.json")["rounds"]) - 1 if (out / "summary.json").exists() else 0
    for number in range(settings.rounds + 1):
        loop.round(number)
        if number >= known:
            write_durable_json(out / "summary.json", loop_summary(settings, loop.folders(number)))
    return _read(out / "summary.json")


class _Loop:
    def __init__(
        self,
        settings: LoopSettings,
        out: Path,
        base: Path,
        human: Path | None,
        workers: Workers,
        progress: Progress | None,
    ) -> None:
        self.settings, self.out, self.base, self.human = settings, out, base, human
        self.workers, self.progress = workers, progress

    def folders(self, last: int) -> list[Path]:
        """The folders of the rounds up to ``last``."""
        return [self._home(number) / f"round-{number}" for number in range(last + 1)]

    def round(self, number: int) -> None:
        """Everything of one round: its policy, how good that is, and the episodes that the next one learns from."""
        folder = self.folders(number)[-1]
        stages = Stages(self._home(number))
        checkpoint = self._policy(number)
        roots = self._roots(number, stages)
        stages.result(folder / "trained.json", self._training(number, roots), lambda: self._train(number, roots))
        sha = policy_hash(str(checkpoint))
        judged = {"policy": sha, "episodes": self.settings.evaluation, "first_seed": self._evaluation_seed}
        stages.result(folder / "evaluation.json", judged, lambda: self._evaluate(number, checkpoint))
        if number < self.settings.rounds and self._collects:
            alarms = find_calibration(str(checkpoint), folder)
            collected: dict[str, Any] = {"policy": sha, "calibration": "" if alarms is None else file_hash(alarms)}
            collected |= {"episodes": self.settings.episodes, "skill": self.settings.operator_skill}
            stages.result(folder / "collection.json", collected, lambda: self._collect(number, checkpoint, alarms))
        add_to_report(self.folders(number))

    def _home(self, number: int) -> Path:
        return self.base if number == 0 else self.out

    @property
    def _evaluation_seed(self) -> int:
        return FIRST_SEED + 10 * MOST_EPISODES * self.settings.seed

    def _roots(self, number: int, stages: Stages) -> list[Path]:
        """What round ``number`` learns from: demonstrations, and what the rounds before it collected, if anything."""
        demonstrations = self.base / "dataset" / "demonstrations"
        count = self.settings.demonstration_count
        wanted = {"demonstrations": count, **asdict(self.settings.scene), "seed": self.settings.seed}
        made = self.base / "dataset" / "demonstrations.json"
        stages.result(made, wanted, lambda: self._demonstrate(demonstrations, count))
        before = [self._home(k) / "dataset" / f"round-{k}" for k in range(number)] if self._collects else []
        return [demonstrations, *before]

    @property
    def _collects(self) -> bool:
        return method_named(self.settings.method).collects

    @property
    def _human(self) -> list[Path]:
        """Only what the method learns from: others do not begin anew because of it."""
        uses = method_named(self.settings.method).uses_human
        return [self.human] if self.human is not None and uses else []

    def _demonstrate(self, dataset: Path, count: int) -> dict[str, Any]:
        show = self._shown("demonstrations")
        found = collect_demonstrations(self.workers, dataset, self.settings.scene, count, self.settings.seed, show)
        return collection_json(found)

    def _training(self, number: int, roots: list[Path]) -> Mapping[str, Any]:
        initial = self._initial(number)
        return {
            "data": [data_revision(root) for root in roots],
            "human": [data_revision(root) for root in self._human] if number > 0 else [],
            "method": self._method(number),
            "preset": self.settings.preset,
            "initial": "" if initial is None else policy_hash(str(initial)),
        }

    def _method(self, number: int) -> str:
        return self.settings.method if number > 0 else "sft"

    def _initial(self, number: int) -> Path | None:
        """The policy that is trained further to that of round ``number``; None: it begins anew."""
        if number == 0 or self.settings.actor == "anew":
            return None
        return self._policy(0 if self.settings.method in RESTARTS else number - 1)

    def _policy(self, number: int) -> Path:
        return self.folders(number)[-1] / "policy.safetensors"

    def _train(self, number: int, roots: list[Path]) -> dict[str, Any]:
        settings, initial, method = self.settings, self._initial(number), self._method(number)
        preset = preset_named(settings.preset)
        human = self._human if number > 0 else []
        # Whatever is trained anew reads and moves what the base does.
        wanted = wanted_of(load_checkpoint(self._policy(0))) if number > 0 else Wanted(task=settings.task)
        data = read_training_data(roots, wanted, constants_of(preset), human, self._shown(f"round {number}: reading"))
        seed = 1000 * settings.seed + number
        folder = self.folders(number)[-1]
        run = train_method(data, method, folder, preset, seed, initial, self._stage(f"round {number}: "))
        return {"policy": policy_hash(str(run.policy)), "skipped": len(data.skipped)}

    def _evaluate(self, number: int, checkpoint: Path) -> dict[str, Any]:
        """The same episodes tell how good the policy is and calibrate its alarms."""
        settings = self.settings
        found, heard = evaluate_and_hear(
            self.workers, settings.robot, settings.task, checkpoint, settings.evaluation, self._evaluation_seed,
            settings.form, progress=self._shown(f"round {number}: evaluation"),
        )  # fmt: skip
        alarms = calibrate_alarms(heard, checkpoint, settings.task)
        return {**evaluation_json(found), "alarms": alarms, "value_ranking": live_ranking(heard)}

    def _collect(self, number: int, checkpoint: Path, alarms: Path | None) -> dict[str, Any]:
        settings, dataset = self.settings, self._home(number) / "dataset" / f"round-{number}"
        first_seed = COLLECTION_SEED + MOST_EPISODES * (10 * settings.seed + number)
        found = collect_round(
            self.workers, dataset, 1 + number, settings.scene, Driver.of(checkpoint, f"round-{number}"),
            settings.episodes, first_seed, settings.operator_skill, alarms,
            self._shown(f"round {number}: collection"),
        )  # fmt: skip
        return {**collection_json(found), "trigger_leads": trigger_leads(dataset)}

    def _shown(self, stage: str) -> Callable[[int, int], None] | None:
        show = self.progress
        return None if show is None else lambda done, total: show(stage, done, total, "")

    def _stage(self, prefix: str) -> Progress | None:
        show = self.progress
        return None if show is None else lambda stage, done, total, remark: show(prefix + stage, done, total, remark)


def _begin(out: Path, config: dict[str, Any]) -> None:
    path = out / "config.json"
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out}: is not empty and not a run of rove loop; choose another folder")
        out.mkdir(parents=True, exist_ok=True)
        write_durable_json(path, config)
    _must_match(path, config)


def _must_share(base: Path, settings: LoopSettings) -> None:
    if not (base / "config.json").exists():
        raise UsageError(f"--base {base}: is no run of rove loop (it has no config.json)")
    _must_match(base / "config.json", settings.shared())


def _must_match(path: Path, wanted: Mapping[str, Any]) -> None:
    found = _read(path)
    other = [f"{key} {found.get(key)!r}, not {value!r}" for key, value in wanted.items() if found.get(key) != value]
    if other:
        raise UsageError(f"{path.parent}: is a run with {'; '.join(other)}")


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return dict(content)
    except (OSError, ValueError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error})") from error
