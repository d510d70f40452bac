"""Success of a checkpoint over paired seeds, spread over workers: the counts of `evaluation.evaluate`, sooner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetInvalid
from ..failure.streams import StreamRecorder, Streams
from ..failure_calibration.files import policy_hash
from ..handover.states import Signal
from ..virtual_time.evaluation import FIRST_SEED, Evaluation, attempt
from ..virtual_time.rollout import Result
from .places import policy_of, world_of
from .workers import Progress, Workers


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """One episode of a checkpoint alone."""

    robot: str
    task: str
    form: str
    checkpoint: str
    sha: str
    beta: float | None
    seed: int


def evaluate_parallel(
    workers: Workers,
    robot: str,
    task: str,
    checkpoint: Path,
    episodes: int = 200,
    first_seed: int = FIRST_SEED,
    form: str = "in_hand",
    beta: float | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """`evaluation.evaluate` of a checkpoint, the same counts for any number of workers.

    Raises:
        CheckpointInvalid: it does not fit.
        StageLost: a worker process died.
    """
    return evaluate_and_hear(workers, robot, task, checkpoint, episodes, first_seed, form, beta, progress)[0]


def evaluate_and_hear(
    workers: Workers,
    robot: str,
    task: str,
    checkpoint: Path,
    episodes: int,
    first_seed: int = FIRST_SEED,
    form: str = "in_hand",
    beta: float | None = None,
    progress: Progress | None = None,
) -> tuple[Evaluation, list[Streams]]:
    """`evaluate_parallel`, and what failure detectors hear of each episode."""
    path, sha = str(checkpoint), policy_hash(str(checkpoint))
    seeds = range(first_seed, first_seed + episodes)
    jobs = [EvaluationJob(robot, task, form, path, sha, beta, seed) for seed in seeds]
    found = workers.map(run_evaluation, jobs, progress)
    refused = sum((Counter(counts) for _, counts, _ in found), Counter[str]())
    notes = world_of(robot, task, form, "deployment").notes
    says = {"plans refused": str(dict(refused))} if refused else {}
    results, streams = tuple(result for result, _, _ in found), [heard for _, _, heard in found]
    return Evaluation(task, first_seed, results, {**notes, **says}), streams


def run_evaluation(job: EvaluationJob) -> tuple[Result, dict[str, int], Streams]:
    """The job's episode, which plans were refused in it, and what failure detectors hear of it."""
    policy = policy_of(job.checkpoint, job.sha, job.robot, job.beta)
    policy.refused.clear()
    heard = StreamRecorder(f"{job.task} {job.seed}")
    result = attempt(world_of(job.robot, job.task, job.form, "deployment"), policy, job.seed, heard)
    streams = heard.finish(result.outcome is Signal.SUCCESS, result.duration_s, result.failure or "")
    return result, dict(policy.refused), streams


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, so that another evaluation can be compared with it seed by seed."""
    return {
        "task": evaluation.task,
        "first_seed": evaluation.first_seed,
        "success": success_json(evaluation),
        "failures": evaluation.failures,
        "notes": evaluation.notes,
        "results": [{**asdict(result), "outcome": str(result.outcome)} for result in evaluation.results],
    }


def success_json(evaluation: Evaluation) -> dict[str, Any]:
    """Counts and the 95 % Wilson interval."""
    low, high = evaluation.interval
    return {"successes": evaluation.successes, "episodes": evaluation.episodes, "interval": [low, high]}


def evaluation_of(told: Mapping[str, Any], where: Path) -> Evaluation:
    """What ``evaluation_json`` told; `DatasetInvalid` naming ``where`` when something of it is missing."""
    try:
        results = tuple(Result(**{**item, "outcome": Signal(item["outcome"])}) for item in told["results"])
        return Evaluation(told["task"], int(told["first_seed"]), results, dict(told["notes"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{where}: holds no evaluation that can be read ({error!r})") from error
