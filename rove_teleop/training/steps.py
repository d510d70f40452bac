"""One episode as the trainer sees it: steps at the training rate, with rewards, without what was cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetInvalid

KINDS = ("demonstration", "rollout", "intervention", "human")
"""Who drove: a person from the start, the policy alone, the policy and then a person, a person without a robot."""

Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EpisodeSteps:
    """The ``k`` steps of one episode, 1 / rate apart. What was cut (pauses, rewinds, exclusions) took no time.

    ``scene`` (k, d): the task's features that a policy may read, what a camera would show; the critic's input.
    ``joints`` (k, 2 m): measured, and commanded minus measured, of the joints that the policy moves [rad].
    ``source`` (k,): 0 the policy, 1 a person who adapts, 2 a person who recovers or demonstrates.
    ``reward`` (k,) is what the step costs; ``done`` the last step; ``t_r`` the one that pays for a takeover;
    ``cut_before`` says that something was cut or lost between the step before and this one.
    ``delta_rad`` (k, h, m): the targets that followed, one per step, minus the joints measured now; after the end or
    a cut the last one repeats. ``imitable`` (k,): these are known. Both are empty for a person without a robot.
    ``images`` by camera (k, height, width, 3), uint8; empty where training is from the state.
    """

    name: str
    kind: str
    success: bool
    instruction: str
    scene: Single
    joints: Single
    source: NDArray[np.uint8]
    reward: Single
    done: NDArray[np.bool_]
    t_r: NDArray[np.bool_]
    cut_before: NDArray[np.bool_]
    delta_rad: Single
    imitable: NDArray[np.bool_]
    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            DatasetInvalid: a wrong kind, no step, another length, a value that is not finite, or an end elsewhere.
        """
        if self.kind not in KINDS:
            raise DatasetInvalid(f"episode {self.name} is of kind '{self.kind}'; there are {', '.join(KINDS)}")
        steps = len(self.reward)
        columns = {name: len(getattr(self, name)) for name in _PER_STEP} | {
            f"image {name}": len(images) for name, images in self.images.items()
        }
        other = [f"{name} {length}" for name, length in columns.items() if length != steps]
        if not steps or other:
            raise DatasetInvalid(f"episode {self.name} has {steps} steps, but {', '.join(other) or 'needs one'}")
        if not (np.all(np.isfinite(self.scene)) and np.all(np.isfinite(self.reward))):
            raise DatasetInvalid(f"episode {self.name} has a scene or a reward that is not finite")
        if not np.array_equal(np.flatnonzero(self.done), [steps - 1]):
            raise DatasetInvalid(f"episode {self.name} must be done at its last step and nowhere else")

    def __len__(self) -> int:
        return len(self.reward)


_PER_STEP = ("scene", "joints", "source", "done", "t_r", "cut_before", "delta_rad", "imitable")
