"""The two tasks of the paper, by name: put the bread into the toaster, erase the whiteboard."""

from __future__ import annotations

from ...errors import UsageError
from .interface import Task, TaskParams
from .toaster import ToasterParams, ToasterTask
from .whiteboard import WhiteboardParams, WhiteboardTask

TASK_NAMES: tuple[str, ...] = ("toaster", "whiteboard")

__all__ = [
    "TASK_NAMES",
    "Task",
    "TaskParams",
    "ToasterParams",
    "ToasterTask",
    "WhiteboardParams",
    "WhiteboardTask",
    "make_task",
    "task_params",
]


def task_params(name: str, spread: str = "deployment") -> TaskParams:
    """The parameters of a task: ``deployment`` (what a policy meets) or the narrower ``demonstration``.

    Raises:
        UsageError: unknown task or spread.
    """
    if spread not in ("deployment", "demonstration"):
        raise UsageError(f"unknown spread {spread!r}; there are deployment and demonstration")
    if name == "toaster":
        return ToasterParams.demonstration() if spread == "demonstration" else ToasterParams()
    if name == "whiteboard":
        return WhiteboardParams.demonstration() if spread == "demonstration" else WhiteboardParams()
    raise UsageError(f"unknown task {name!r}; there are {' and '.join(TASK_NAMES)}")


def make_task(name: str, params: TaskParams | None = None) -> Task:
    """A task by name, with deployment parameters unless others are given.

    Raises:
        UsageError: unknown task, or parameters of the other task.
    """
    chosen = task_params(name) if params is None else params
    if name == "toaster" and isinstance(chosen, ToasterParams):
        return ToasterTask(chosen)
    if name == "whiteboard" and isinstance(chosen, WhiteboardParams):
        return WhiteboardTask(chosen)
    raise UsageError(f"{type(chosen).__name__} are not parameters of the task {name!r}")
