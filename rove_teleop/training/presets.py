"""Two readings of the method in numbers: the paper's, and the one this project started from (`seed`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..errors import UsageError
from .actor_settings import ActorSettings
from .critic import CriticSettings
from .methods import Method
from .supervision import LabelSettings


@dataclass(frozen=True, slots=True)
class RewardConstants:
    """What a step costs, and what the last one gives; ``c_fail`` also stands at t_r."""

    step: float
    success: float
    c_fail: float


@dataclass(frozen=True, slots=True)
class Preset:
    """Every number of a round. ``base`` is for an actor from scratch, ``actor`` for one that is trained further."""

    name: str
    critic: CriticSettings
    actor: ActorSettings
    base: ActorSettings
    labels: LabelSettings
    rewards: RewardConstants

    def critic_of(self, method: Method) -> CriticSettings | None:
        """The preset's numbers with the method's kind of critic; None for a method without one."""
        return None if method.critic is None else replace(self.critic, kind=method.critic.kind)

    def beta_of(self, method: Method) -> float | None:
        """The method's guidance; None where nothing has a tag."""
        return None if self.labels.positives_only else method.beta


_CRITIC = CriticSettings(pretrain_steps=300, steps=700, target_decay=0.99)
"""Short: a few hundred episodes are soon learnt by heart, and held-out values get worse with longer training.

Leaving features out makes values rank better, and did not make better policies of them (docs/critic.md)."""
_PAPER = ActorSettings(steps=2000, batch=128, learning_rate=5e-4)
_ANEW: dict[str, Any] = {"steps": 3000, "epochs": 15.0, "learning_rate": 1e-3}
"""With data of some rounds 3000 steps are few passes, and a policy needs some (docs/loop.md)."""
_SEED = replace(_PAPER, noise_probability=1.0, noise_std=0.4)

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="paper",
            critic=replace(_CRITIC, horizon=16, gamma=1.0, tau=0.7),
            actor=_PAPER,
            base=replace(_PAPER, **_ANEW),
            labels=LabelSettings(percentile=70.0, horizon=16, gamma=1.0),
            rewards=RewardConstants(step=-1.0, success=0.0, c_fail=-500.0),
        ),
        Preset(
            name="seed",
            critic=replace(_CRITIC, horizon=50, gamma=0.99, tau=0.7),
            actor=_SEED,
            base=replace(_SEED, **_ANEW),
            labels=LabelSettings(percentile=70.0, horizon=16, gamma=0.99, positives_only=True),
            rewards=RewardConstants(step=0.0, success=1.0, c_fail=0.0),
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; `UsageError` listing what there is."""
    if name not in PRESETS:
        raise UsageError(f"there is no preset '{name}' (there are: {', '.join(PRESETS)})")
    return PRESETS[name]
