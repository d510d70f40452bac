"""Jobs over the cores of this machine, or over a Ray cluster: the same results in the same order either way."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from types import TracebackType

from ..errors import StageLost
from .engine import Engine, Job, Result, WorkerDied

_PR_SET_PDEATHSIG = 1
_MATHS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Progress = Callable[[int, int], None]


class Workers:
    """Processes that stay for many maps, so that each keeps its world and its policy. Use as a context manager.

    ``count`` 1 runs jobs here; ``None`` takes every core. With ``ray_address`` a Ray cluster runs them instead
    (``local`` starts one on this machine with ``count`` workers).
    """

    def __init__(self, count: int | None = None, ray_address: str | None = None) -> None:
        self.count = count or len(os.sched_getaffinity(0))
        self._leave = ExitStack()
        if ray_address is not None:
            from .ray_workers import RayEngine

            self._engine: Engine = RayEngine(ray_address, self.count)
        else:
            self._engine = _Here() if self.count == 1 else _Processes(self.count)

    def map(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], progress: Progress | None = None
    ) -> list[Result]:
        """``function`` (of a module) of every job, in the order of ``jobs``.

        Raises:
            StageLost: a worker process died. Whatever jobs keep for themselves is kept.
            RoveError: the first that a job raised; jobs that did not begin then never do.
        """
        results: dict[int, Result] = {}
        try:
            for number, result in self._engine.run(function, jobs):
                results[number] = result
                if progress is not None:
                    progress(len(results), len(jobs))
        except WorkerDied as error:
            raise StageLost(worker_died(len(results), len(jobs))) from error
        return [results[number] for number in range(len(jobs))]

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()


def worker_died(done: int, jobs: int) -> str:
    """One sentence, the same for every engine."""
    return (
        f"a worker process died (killed, or out of memory) after {done} of {jobs} jobs; what was sealed is kept: "
        "the same command goes on from there"
    )


class _Here:
    """One job after the other in this process."""

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterable[tuple[int, Result]]:
        for number, job in enumerate(jobs):
            yield number, function(job)

    def close(self) -> None:
        """Nothing was opened."""


class _Processes:
    """Spawned, never forked: torch's threads do not survive a fork. Each has one thread for its maths."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._executor: ProcessPoolExecutor | None = None

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterable[tuple[int, Result]]:
        executor = self._begin()
        futures: dict[Future[Result], int] = {}
        try:
            with _SingleThreaded():
                futures = {executor.submit(function, job): number for number, job in enumerate(jobs)}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            self._executor = None
            raise WorkerDied from error
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def _begin(self) -> ProcessPoolExecutor:
        if self._executor is None:
            spawn = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._count, spawn, _end_with, (os.getpid(),))
        return self._executor

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


def _end_with(parent: int) -> None:
    """A worker ends with its parent, however that ends; Ctrl-C is for the parent, which then stops its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        raise SystemExit(StageLost.exit_code)


class _SingleThreaded:
    """While processes are spawned: their maths libraries read these variables once, when they are imported."""

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in _MATHS}
        os.environ.update(dict.fromkeys(_MATHS, "1"))

    def __exit__(self, *exception: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
