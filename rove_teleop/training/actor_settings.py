"""What is chosen before an actor is trained: numbers of the optimisation, and what the actor is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..robots.description import RobotDescription


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """Hyper-parameters of one training run.

    There are ``steps`` of it, and more where these are fewer than ``epochs`` passes over the samples.
    State regularisation is of the joints alone, never of the scene or of images, and in normalised units:
    ``state_dropout`` is the probability that a sample loses all its joints, ``noise_probability`` that it gets noise
    of ``noise_std``, and less on head and waist. ``null_share`` of the samples lose their tag (a third class).
    ``vision_width``, ``vision_blocks`` and ``vision_heads`` are the encoder's of a policy with cameras.
    ``save_every`` counts where a file for the state is given.
    """

    steps: int = 2000
    epochs: float = 0.0
    batch: int = 128
    learning_rate: float = 5e-4
    hidden: int = 256
    layers: int = 3
    weight_decay: float = 1e-4
    average_decay: float = 0.995
    state_dropout: float = 0.3
    noise_probability: float = 0.4
    noise_std: float = 0.01
    null_share: float = 0.0
    vision_width: int = 128
    vision_blocks: int = 2
    vision_heads: int = 4
    report_every: int = 100
    save_every: int = 500


@dataclass(frozen=True, slots=True)
class ActorHeader:
    """What the actor is trained for; ``joint_names`` and ``feature_names`` are the columns of the episodes.

    With ``cameras`` it is a mini-VLA: it looks at these and at the instruction instead of reading the features.
    ``beta`` is how it is decoded unless somebody says otherwise, and counts only with tags. ``provenance`` is for
    people: revision of the data, method, metrics.
    """

    task: str
    robot: RobotDescription
    joint_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    step_s: float
    horizon: int
    execute: int
    cameras: tuple[str, ...] = ()
    beta: float | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
