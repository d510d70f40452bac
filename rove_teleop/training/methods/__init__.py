"""The five methods in one frame: which critic, which chunks with which tag, and how the actor is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...errors import UsageError
from ...types import Array
from ..critic import CriticSettings
from ..steps import EpisodeSteps
from ..supervision import LabelSettings, Supervision
from . import filtered_bc, hg_dagger, recap, rove, sft


class Supervise(Protocol):
    """What a method does with episodes and a critic's values (k,) of them."""

    def __call__(
        self, episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings
    ) -> Supervision: ...


@dataclass(frozen=True, slots=True)
class Method:
    """``critic`` None: it needs no values. ``uses_human``: episodes of people without a robot teach its critic.

    ``beta`` is the guidance with which its actor is decoded unless somebody says otherwise; None without tags.
    ``collects``: it learns from what policies and people do; otherwise demonstrations are all it needs.
    """

    name: str
    critic: CriticSettings | None
    supervise: Supervise
    uses_human: bool
    beta: float | None
    collects: bool = True


METHODS = {
    method.name: method
    for method in (
        Method("sft", sft.CRITIC, sft.supervise, False, sft.BETA, collects=False),
        Method("filtered-bc", filtered_bc.CRITIC, filtered_bc.supervise, True, filtered_bc.BETA),
        Method("hg-dagger", hg_dagger.CRITIC, hg_dagger.supervise, False, hg_dagger.BETA),
        Method("recap", recap.CRITIC, recap.supervise, False, recap.BETA),
        Method("rove", rove.CRITIC, rove.supervise, True, rove.BETA),
    )
}


def method(name: str) -> Method:
    """The method of that name; `UsageError` listing what there is."""
    if name not in METHODS:
        raise UsageError(f"there is no method '{name}' (there are: {', '.join(METHODS)})")
    return METHODS[name]
