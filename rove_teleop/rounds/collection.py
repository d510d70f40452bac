"""Episodes of a round in virtual time: demonstrations, or a policy that a simulated person corrects, all recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..episodes.dataset import Dataset, WriterLock
from ..episodes.durability import sync_filesystem
from ..episodes.read import open_episode
from ..episodes.record.virtual_clock import virtual_id
from ..errors import DatasetInvalid
from ..failure.calibration import Calibration
from ..failure.detectors import build_detectors
from ..failure.monitor import FailureMonitor
from ..failure_calibration.files import load_calibration_of, policy_hash
from ..handover.states import Signal
from ..operators.chain import OperatorChain
from ..sim.operator import SimulatedOperator
from ..sim.skills import DEFAULT_SKILL, skill_of
from ..sim.supervisor import SimulatedSupervisor, SupervisorHabits
from ..sim.world import World
from ..virtual_time.demonstrations import demonstrator
from ..virtual_time.evaluation import planner
from ..virtual_time.rollout import Result, Timing, live_loop, run_episode
from .places import policy_of, world_of
from .recorder import OUTCOMES, About, EpisodeRecorder, virtual_attributes
from .workers import Progress, Workers

TAKEOVER = "anchored"
PATIENCE_S, CORRECTION_S = 45.0, 30.0
FEWEST_FAILED = 10


@dataclass(frozen=True, slots=True)
class Scene:
    """Where episodes happen; ``start`` is where those of a policy begin (`sim.tasks.STARTS`)."""

    robot: str
    task: str
    form: str = "in_hand"
    start: str = "varied"


@dataclass(frozen=True, slots=True)
class Driver:
    """The policy of a round: its checkpoint, the hash of that file, its guidance, what a report calls it."""

    checkpoint: str
    sha: str
    beta: float | None
    name: str

    @classmethod
    def of(cls, checkpoint: Path, name: str, beta: float | None = None) -> Driver:
        return cls(str(checkpoint), policy_hash(str(checkpoint)), beta, name)


@dataclass(frozen=True, slots=True)
class Collected:
    """How one recorded episode went. ``outcome`` as in episodes; ``human_s`` is the time under human control."""

    id: str
    outcome: str
    duration_s: float
    human_s: float
    takeovers: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class CollectionJob:
    """One episode: ``driver`` and a person of this ``skill`` to correct it, or without a driver a demonstration."""

    dataset: str
    group: int
    number: int
    seed: int
    scene: Scene
    driver: Driver | None = None
    skill: str = DEFAULT_SKILL
    calibration: str = ""

    @property
    def made_from(self) -> dict[str, Any]:
        """All that shapes the episode, without the folders of this machine."""
        made = {**asdict(self.scene), "seed": self.seed, "number": self.number}
        if self.driver is None:
            return made
        calibrated = policy_hash(self.calibration) if self.calibration else ""
        about = {"policy_sha256": self.driver.sha, "beta": self.driver.beta, "skill": self.skill}
        return {**made, **about, "calibration": calibrated}


def collect_round(
    workers: Workers,
    dataset: Path,
    group: int,
    scene: Scene,
    driver: Driver,
    episodes: int,
    first_seed: int,
    skill: str = DEFAULT_SKILL,
    calibration: Path | None = None,
    progress: Progress | None = None,
) -> list[Collected]:
    """``episodes`` sealed episodes of ``driver``, corrected where the failure monitor asks for it, one per seed.

    Ids are ``virtual_id(group, number)``. What is sealed already is not made again, so a call that was killed goes on.

    Raises:
        DatasetInvalid: another program writes this dataset.
        StageLost: a worker process died.
    """
    skill_of(skill)
    known = "" if calibration is None else str(calibration)
    jobs = [
        CollectionJob(str(dataset), group, number, first_seed + number, scene, driver, skill, known)
        for number in range(episodes)
    ]
    return _collect(workers, dataset, jobs, progress)


def collect_demonstrations(
    workers: Workers, dataset: Path, scene: Scene, count: int, seed: int, progress: Progress | None = None
) -> list[Collected]:
    """``count`` successful demonstrations of the scripted expert; failed attempts are left out.

    Raises:
        DatasetInvalid: the expert fails more often than it succeeds, so these would not be demonstrations.
        StageLost: a worker process died.
    """
    kept: list[Collected] = []
    attempts = 0
    while len(kept) < count:
        numbers = range(attempts, attempts + count - len(kept))
        jobs = [CollectionJob(str(dataset), 0, number, seed, scene) for number in numbers]
        done = len(kept)
        show = None if progress is None else lambda now, _total, done=done: progress(min(done + now, count), count)
        kept += [item for item in _collect(workers, dataset, jobs, show) if item.outcome == "success"]
        attempts += len(jobs)
        if attempts - len(kept) > max(FEWEST_FAILED, len(kept)):
            raise DatasetInvalid(f"the expert failed {attempts - len(kept)} of {attempts} attempts at '{scene.task}'")
    return kept


def _collect(
    workers: Workers, dataset: Path, jobs: Sequence[CollectionJob], progress: Progress | None
) -> list[Collected]:
    """The lock is held here, for several workers write at once; what they wrote is on the disk at the end."""
    Dataset.create(dataset)
    with WriterLock(dataset):
        found = workers.map(run_collection, jobs, progress)
        sync_filesystem(dataset)
    return found


def run_collection(job: CollectionJob) -> Collected:
    """Record the job's episode, unless it is there.

    Raises:
        DatasetInvalid: an episode of this id is there that was made otherwise.
    """
    name = virtual_id(job.group, job.number)
    path = Path(job.dataset) / "episodes" / f"{name}.zarr"
    if path.exists():
        attributes = open_episode(path).attributes
        if attributes.get("made_from") != job.made_from:
            raise DatasetInvalid(f"{path}: was made with another policy, person or seed; choose another folder")
        return Collected(**attributes["result"])
    return _demonstrate(job, name) if job.driver is None else _correct(job, job.driver, name)


def _correct(job: CollectionJob, driver: Driver, name: str) -> Collected:
    scene = job.scene
    world = world_of(scene.robot, scene.task, scene.form, "deployment", scene.start)
    policy = policy_of(driver.checkpoint, driver.sha, scene.robot, driver.beta)
    policy.reset(job.seed)
    loop = live_loop(world.robot)
    timing = replace(Timing(), replan_s=policy.execute_s)
    about = About(job.seed, driver.name, job.skill, more=_more(job))
    recorder = EpisodeRecorder(
        Path(job.dataset), name, virtual_attributes(world.robot, world.task, about), loop, _monitor(job, driver)
    )
    operator = SimulatedOperator(world.robot, scene.task, world.feature_names, skill_of(job.skill), job.seed)
    person = recorder.person(operator, OperatorChain(world.robot, TAKEOVER))
    plan = planner(policy, world, timing.inference_s)
    supervisor = SimulatedSupervisor(SupervisorHabits(time_limit_s=_patience_s(world)), seed=job.seed)
    result = run_episode(world, loop, job.seed, plan, person, supervisor, timing, recorder, monitor=recorder)
    return _seal(recorder, name, result)


def _demonstrate(job: CollectionJob, name: str) -> Collected:
    scene = job.scene
    world = world_of(scene.robot, scene.task, scene.form, "demonstration")
    rng = np.random.default_rng([job.seed, job.number])
    loop, timing = live_loop(world.robot), replace(Timing(), limit_s=world.task.params.time_limit_s)
    about = About(job.seed, "", "", more=_more(job))
    recorder = EpisodeRecorder(Path(job.dataset), name, virtual_attributes(world.robot, world.task, about), loop)
    operator = demonstrator(world, rng, timing.operator_s)
    seed = int(rng.integers(2**31))
    result = run_episode(world, loop, seed, None, operator, None, timing, recorder, True, recorder)
    if result.outcome is not Signal.SUCCESS:
        recorder.discard()
        return _collected(recorder, name, result)
    return _seal(recorder, name, result)


def _patience_s(world: World) -> float:
    """As long as in a session, and longer where the task alone takes most of that."""
    return max(PATIENCE_S, world.task.params.time_limit_s + CORRECTION_S)


def _more(job: CollectionJob) -> Mapping[str, Any]:
    """Attributes beside a session's: what a report of simulated rounds must say."""
    return {"form": job.scene.form, "episode_number": job.number, "made_from": job.made_from}


def _monitor(job: CollectionJob, driver: Driver) -> FailureMonitor:
    if not job.calibration:
        return FailureMonitor(build_detectors({}))
    return _calibration(job.calibration, driver.checkpoint).monitor()


@lru_cache(maxsize=2)
def _calibration(path: str, checkpoint: str) -> Calibration:
    return load_calibration_of(Path(path), checkpoint)


def _collected(recorder: EpisodeRecorder, name: str, result: Result) -> Collected:
    outcome = OUTCOMES[result.outcome]
    return Collected(name, outcome, result.duration_s, result.human_s, recorder.takeovers, result.failure)


def _seal(recorder: EpisodeRecorder, name: str, result: Result) -> Collected:
    collected = _collected(recorder, name, result)
    recorder.seal(result, {"result": asdict(collected)})
    return collected
