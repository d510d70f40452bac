"""The scripted experts by the name of their task."""

from __future__ import annotations

from ..errors import UsageError
from .expert import Expert
from .fetching import FullToasterExpert, FullWhiteboardExpert
from .toaster_expert import ToasterExpert
from .whiteboard_expert import WhiteboardExpert

EXPERTS: dict[str, type[Expert]] = {"toaster": ToasterExpert, "whiteboard": WhiteboardExpert}
EXPERTS_IN_FULL: dict[str, type[Expert]] = {"toaster": FullToasterExpert, "whiteboard": FullWhiteboardExpert}


def make_expert(task: str, feature_names: tuple[str, ...], speed: float = 1.0) -> Expert:
    """The expert of a task (``toaster`` or ``whiteboard``), of the form that its features belong to.

    Raises:
        UsageError: unknown task, or a speed outside 0.05 to 5.
    """
    if task not in EXPERTS:
        raise UsageError(f"no expert for task {task!r}; there are {' and '.join(EXPERTS)}")
    experts = EXPERTS_IN_FULL if "held" in feature_names else EXPERTS
    return experts[task](feature_names, speed)
