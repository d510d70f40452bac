"""What runs jobs: the processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Engine(Protocol):
    """Whatever runs ``function`` once per job, in any order, and yields (number of the job, result) when it has one."""

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterable[tuple[int, Result]]: ...
    def close(self) -> None: ...


class WorkerDied(Exception):
    """What an engine raises when a process that ran jobs is gone."""
