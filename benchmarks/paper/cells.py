"""The cells of the tables, what each needs before it, and how one is computed: into a folder, skipped when done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from counts import Success, outcomes
from variants import ABLATIONS, CONTROLS, SKILL_METHODS, Variant, at_the_takeover

from rove_teleop.episodes.durability import write_durable_json
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.robots.description import load_robot
from rove_teleop.rounds.critic_metrics import live_ranking
from rove_teleop.rounds.evaluation import evaluate_and_hear, evaluation_json
from rove_teleop.rounds.loop import run_loop
from rove_teleop.rounds.loop_settings import OPERATOR_SKILL, LoopSettings
from rove_teleop.rounds.people import record_people
from rove_teleop.rounds.training_data import TrainingData, read_training_data, wanted_of
from rove_teleop.rounds.training_run import constants_of, train_method
from rove_teleop.rounds.workers import Workers
from rove_teleop.sim.skills import SKILLS
from rove_teleop.training.presets import preset

LAST_SEED = 19
"""Bases are looked for no further."""
METHODS = ("rove", "sft", "filtered-bc", "hg-dagger", "recap")
HUMAN_EPISODES = 60


@dataclass(frozen=True)
class Plan:
    """What all cells share. ``after``: the ablations and controls train the round of that number again."""

    runs: Path
    rounds: int = 3
    after: int = 1
    episodes: int = 80
    evaluation: int = 200
    form: str = "in_hand"
    demonstrations: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Cell:
    """One cell of one table, for one task and seed. ``name`` is a method, a variant or ``skill/method``.

    The section ``base`` is round 0, which the rows of a task and seed share.
    """

    section: str
    task: str
    seed: int
    name: str

    @property
    def key(self) -> str:
        return f"{self.task}-{self.seed}/{self.section}/{self.name}"

    def needs(self) -> str | None:
        """The key of the cell that has to be done before."""
        if self.section == "base" or (self.section, self.name) == ("main", "rove"):
            return None
        skill, _, method = self.name.partition("/")
        if self.section == "skills" and method != SKILL_METHODS[0]:
            return f"{self.task}-{self.seed}/skills/{skill}/{SKILL_METHODS[0]}"
        return f"{self.task}-{self.seed}/main/rove"


@dataclass(frozen=True)
class Seeds:
    """The seeds of a task: those whose base is near the wanted success, and the others with theirs [%].

    ``following`` is the seed whose base has to be known next, None when there are enough.
    """

    chosen: tuple[int, ...]
    left_out: Mapping[int, float]
    following: int | None


def seeds_of(plan: Plan, task: str, count: int, base: tuple[float, float]) -> Seeds:
    """The first ``count`` seeds whose base's 95 % Wilson interval reaches into ``base`` [%], as far as is known.

    Only the base is looked at, so that no result of a method can choose its seeds.
    """
    chosen, left_out = list[int](), dict[int, float]()
    for seed in range(LAST_SEED + 1):
        if len(chosen) == count:
            return Seeds(tuple(chosen), left_out, None)
        told = evaluation_told(plan, Cell("main", task, seed, METHODS[0]), 0)
        if told is None:
            return Seeds(tuple(chosen), left_out, seed)
        success = Success({seed: outcomes(told)})
        low, high = success.interval
        if low <= base[1] and high >= base[0]:
            chosen.append(seed)
        else:
            left_out[seed] = success.percent
    return Seeds(tuple(chosen), left_out, None)


def cells(seeds: Mapping[str, Sequence[int]], sections: Sequence[str]) -> list[Cell]:
    """All cells in the order in which they are worth having: seed by seed (of each task), and the main table first."""
    names = {
        "main": METHODS,
        "ablations": tuple(ABLATIONS),
        "controls": tuple(CONTROLS),
        "skills": tuple(f"{skill}/{method}" for skill in SKILLS if skill != OPERATOR_SKILL for method in SKILL_METHODS),
    }
    wanted = ["main"] + [section for section in names if section in sections and section != "main"]
    return [
        Cell(section, task, of_task[place], name)
        for place in range(max(map(len, seeds.values()), default=0))
        for section in wanted
        for name in (names[section] if section in sections else METHODS[:1])
        for task, of_task in seeds.items()
        if place < len(of_task)
    ]


def is_done(plan: Plan, cell: Cell) -> bool:
    return cell.section != "base" and _done_file(plan, cell).exists()


def compute(plan: Plan, cell: Cell) -> None:
    """Everything of one cell, in this process; a call that was interrupted goes on when it is made again."""
    with Workers(1) as workers:
        if cell.section == "base":
            run_loop(_settings(plan, cell, cell.name, 0), main_run(plan, cell), workers)
            return
        if cell.section == "main":
            _loop(plan, cell, workers)
        elif cell.section == "skills":
            _skilled(plan, cell, workers)
        else:
            _trained_again(plan, cell, workers)
    _done_file(plan, cell).parent.mkdir(parents=True, exist_ok=True)
    write_durable_json(_done_file(plan, cell), {**asdict(cell), "plan": {**asdict(plan), "runs": ""}})
    _forget_episodes(plan, cell)


def _forget_episodes(plan: Plan, cell: Cell) -> None:
    """80 episodes take a gigabyte: only those that other cells learn from stay."""
    first = cell.name in ("rove", f"{cell.name.split('/')[0]}/{SKILL_METHODS[0]}")
    needed = {f"round-{number}" for number in range(plan.after)} | {"demonstrations"} if first else set()
    for dataset in (folder_of(plan, cell) / "dataset").glob("*/"):
        if dataset.name not in needed:
            shutil.rmtree(dataset)


def folder_of(plan: Plan, cell: Cell) -> Path:
    return plan.runs / cell.key


def main_run(plan: Plan, cell: Cell, method: str = "rove") -> Path:
    """The run of the main table that has this task's and seed's demonstrations and round 0."""
    return folder_of(plan, Cell("main", cell.task, cell.seed, method))


def _done_file(plan: Plan, cell: Cell) -> Path:
    return plan.runs / "done" / (cell.key.replace("/", "--") + ".json")


def _settings(plan: Plan, cell: Cell, method: str, rounds: int, skill: str = OPERATOR_SKILL) -> LoopSettings:
    return LoopSettings(
        cell.task, method, rounds, cell.seed, plan.form, episodes=plan.episodes, evaluation=plan.evaluation,
        operator_skill=skill, demonstrations=plan.demonstrations,
    )  # fmt: skip


def _loop(plan: Plan, cell: Cell, workers: Workers) -> None:
    base = None if cell.name == "rove" else main_run(plan, cell)
    run_loop(_settings(plan, cell, cell.name, plan.rounds), folder_of(plan, cell), workers, base)


def _skilled(plan: Plan, cell: Cell, workers: Workers) -> None:
    """``after`` rounds in which somebody of another skill corrects; demonstrations and round 0 are the main run's."""
    skill, method = cell.name.split("/")
    first = folder_of(plan, replace(cell, name=f"{skill}/{SKILL_METHODS[0]}"))
    settings = _settings(plan, cell, method, plan.after, skill)
    if method == SKILL_METHODS[0]:
        _share_base(main_run(plan, cell), first, settings)
        run_loop(settings, first, workers)
    else:
        run_loop(settings, folder_of(plan, cell), workers, first)


def _share_base(run: Path, other: Path, settings: LoopSettings) -> None:
    """Another run gets the demonstrations and the policy of round 0, but not what was collected with it."""
    if (other / "config.json").exists():
        return
    partial = other.with_name(other.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(run / "dataset" / "demonstrations", partial / "dataset" / "demonstrations")
    shutil.copy(run / "dataset" / "demonstrations.json", partial / "dataset")
    shutil.copytree(run / "round-0", partial / "round-0", ignore=shutil.ignore_patterns("collection.json", "lock"))
    write_durable_json(partial / "config.json", settings.config())
    partial.rename(other)


def _trained_again(plan: Plan, cell: Cell, workers: Workers) -> None:
    """One round of the main run again, on the same episodes, with one thing changed; then the same evaluation."""
    variant = (ABLATIONS | CONTROLS)[cell.name]
    run, out = main_run(plan, cell), folder_of(plan, cell)
    told = json.loads((run / f"round-{plan.after}" / "evaluation.json").read_text())["result"]
    policy = run / f"round-{plan.after}" / "policy.safetensors"
    if variant.beta is None:
        data = _data(plan, cell, variant, run)
        initial = run / f"round-{plan.after - 1}" / "policy.safetensors" if variant.further else None
        seed = 1000 * cell.seed + plan.after
        policy = train_method(data, variant.method, out, variant.preset, seed, initial).policy
    found, heard = evaluate_and_hear(
        workers, "iron_r01", cell.task, policy, plan.evaluation, told["first_seed"], plan.form, variant.beta
    )
    out.mkdir(parents=True, exist_ok=True)
    result = {**evaluation_json(found), "value_ranking": live_ranking(heard)}
    write_durable_json(out / "evaluation.json", {"inputs": {}, "result": result})


def _data(plan: Plan, cell: Cell, variant: Variant, run: Path) -> TrainingData:
    roots = [run / "dataset" / "demonstrations", *(run / "dataset" / f"round-{k}" for k in range(plan.after))]
    base = load_checkpoint(run / "round-0" / "policy.safetensors")
    constants = constants_of(preset(variant.preset))
    human: list[Path] = []
    if variant.human:
        human = [folder_of(plan, cell) / ".." / "people"]
        record_people(human[0], load_robot("iron_r01"), cell.task, HUMAN_EPISODES, cell.seed)
    data = read_training_data(roots, wanted_of(base), constants, human)
    if not variant.early_t_r:
        return data
    moved = [at_the_takeover(episode, constants.step, constants.c_fail) for episode in data.episodes]
    return replace(data, episodes=moved)


def evaluation_told(plan: Plan, cell: Cell, round_number: int | None = None) -> dict[str, Any] | None:
    """What `evaluation_json` said of a cell (of a round of it); None where it is not there yet."""
    path = folder_of(plan, cell)
    if cell.section in ("main", "skills"):
        number = plan.after if round_number is None else round_number
        home = main_run(plan, cell) if cell.section == "main" and number == 0 else path
        path = home / f"round-{number}"
    if not (path / "evaluation.json").exists():
        return None
    found: dict[str, Any] = json.loads((path / "evaluation.json").read_text())["result"]
    return found
