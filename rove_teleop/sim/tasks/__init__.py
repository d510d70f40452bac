"""The two tasks of the paper, by name: put the bread into the toaster, erase the whiteboard."""

from __future__ import annotations

from dataclasses import replace

from ...errors import UsageError
from .interface import FORMS, STARTS, Task, TaskParams
from .toaster import ToasterParams, ToasterTask
from .toaster_full import FullToasterTask
from .whiteboard import WhiteboardParams, WhiteboardTask
from .whiteboard_full import FullWhiteboardTask

TASK_NAMES: tuple[str, ...] = ("toaster", "whiteboard")
_PARAMS: dict[str, type[ToasterParams] | type[WhiteboardParams]] = {
    "toaster": ToasterParams,
    "whiteboard": WhiteboardParams,
}

__all__ = [
    "FORMS",
    "STARTS",
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


def task_params(name: str, spread: str = "deployment", form: str = "in_hand", start: str = "beginning") -> TaskParams:
    """The parameters of a task: ``deployment`` (what a policy meets) or the narrower ``demonstration``.

    Raises:
        UsageError: unknown task, spread, form or start.
    """
    if spread not in ("deployment", "demonstration"):
        raise UsageError(f"unknown spread {spread!r}; there are deployment and demonstration")
    if name not in _PARAMS:
        raise UsageError(f"unknown task {name!r}; there are {' and '.join(TASK_NAMES)}")
    kind = _PARAMS[name]
    if form == "full":
        params = kind.full_demonstration() if spread == "demonstration" else kind.full()
    else:
        params = kind.demonstration() if spread == "demonstration" else kind()
    return replace(params, form=form, start=start)


def make_task(name: str, params: TaskParams | None = None) -> Task:
    """A task by name, with deployment parameters unless others are given.

    Raises:
        UsageError: unknown task, or parameters of the other task.
    """
    chosen = task_params(name) if params is None else params
    full = chosen.form == "full"
    if name == "toaster" and isinstance(chosen, ToasterParams):
        return FullToasterTask(chosen) if full else ToasterTask(chosen)
    if name == "whiteboard" and isinstance(chosen, WhiteboardParams):
        return FullWhiteboardTask(chosen) if full else WhiteboardTask(chosen)
    raise UsageError(f"{type(chosen).__name__} are not parameters of the task {name!r}")
