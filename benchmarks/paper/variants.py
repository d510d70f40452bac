"""What the tables vary: methods and presets beside those of the package, one change each, under names of their own.

`register` makes them known to `rove_teleop.training.methods` and `presets` in this process, so that the package trains
and reports them like its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rove_teleop.rounds.training_run import with_steps
from rove_teleop.training.critic import CriticSettings
from rove_teleop.training.methods import METHODS, Method, recap
from rove_teleop.training.presets import PRESETS
from rove_teleop.training.steps import EpisodeSteps
from rove_teleop.training.supervision import LabelSettings, Supervision, robot_steps
from rove_teleop.types import Array, Phase

POSITIVE_SHARE = 0.3


@dataclass(frozen=True)
class Variant:
    """One change to ROVE: a method and a preset by name, and what is done to the data before."""

    title: str
    method: str = "rove"
    preset: str = "paper"
    early_t_r: bool = False
    human: bool = False
    further: bool = False
    """The actor of the round before is trained further."""
    beta: float | None = None
    """Only how the policy of ROVE itself is decoded; nothing is trained."""


ABLATIONS = {
    "mc": Variant("Monte-Carlo critic instead of OVE", method="rove-mc", preset="paper-mc"),
    "dropout": Variant("critics trained with 30 % of the features left out", preset="paper-dropout"),
    "tau-0.5": Variant("tau 0.5 instead of 0.7", preset="paper-tau-0.5"),
    "tau-0.9": Variant("tau 0.9 instead of 0.7", preset="paper-tau-0.9"),
    "h50": Variant("H 50 instead of 16", preset="paper-h50"),
    "early-t_r": Variant("t_r at the takeover", early_t_r=True),
    "h50-early-t_r": Variant("H 50, t_r at the takeover", preset="paper-h50", early_t_r=True),
    "human": Variant("with episodes of people without a robot", human=True),
    "forced": Variant("what people did after t_r is positive by hand", method="rove-forced"),
    "further": Variant("the actor trained further instead of anew, as in the paper", further=True),
    "beta-0": Variant("decoded with beta 0 (the negative tag)", beta=0.0),
    "beta-1": Variant("decoded with beta 1 (the positive tag, no guidance)", beta=1.0),
    "beta-1.5": Variant("decoded with beta 1.5", beta=1.5),
    "beta-3": Variant("decoded with beta 3", beta=3.0),
}
CONTROLS = {
    "random": Variant("30 % of the chunks positive at random", method="random"),
    "all": Variant("everything positive: plain imitation of all episodes", method="all-positive"),
}
SKILL_METHODS = ("rove", "hg-dagger")


def register(steps: int = 0) -> None:
    """Make the variants' methods and presets known by name; with ``steps`` all train only so long, for a quick look."""
    rove = METHODS["rove"]
    paper = with_steps(PRESETS["paper"], steps) if steps else PRESETS["paper"]
    PRESETS["paper"] = paper
    methods = (
        replace(rove, name="rove-mc", critic=CriticSettings(kind="monte_carlo")),
        replace(rove, name="rove-forced", supervise=recap.supervise),
        Method("random", None, random_labels, False, rove.beta),
        Method("all-positive", None, everything, False, None),
    )
    METHODS.update({method.name: method for method in methods})
    critic = paper.critic
    h50 = replace(critic, horizon=50)
    presets = (
        replace(paper, name="paper-mc", critic=replace(critic, steps=critic.steps + critic.pretrain_steps)),
        replace(paper, name="paper-dropout", critic=replace(critic, scene_dropout=0.3)),
        replace(paper, name="paper-tau-0.5", critic=replace(critic, tau=0.5)),
        replace(paper, name="paper-tau-0.9", critic=replace(critic, tau=0.9)),
        replace(paper, name="paper-h50", critic=h50, labels=replace(paper.labels, horizon=50)),
    )
    PRESETS.update({preset.name: preset for preset in presets})


def random_labels(
    episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings
) -> Supervision:
    """Every chunk is shown; three in ten are positive, which ones is drawn from the episode's name."""
    use = [robot_steps(episode) for episode in episodes]
    drawn = [
        np.random.default_rng(zlib.crc32(episode.name.encode())).random(len(episode)) < POSITIVE_SHARE
        for episode in episodes
    ]
    return Supervision(use, [used & good for used, good in zip(use, drawn, strict=True)])


def everything(
    episodes: Sequence[EpisodeSteps], values: Sequence[Array] | None, settings: LabelSettings
) -> Supervision:
    """Every chunk that a robot made is imitated: policy, people and demonstrations alike."""
    return Supervision([robot_steps(episode) for episode in episodes])


def at_the_takeover(episode: EpisodeSteps, step: float, penalty: float) -> EpisodeSteps:
    """The episode with its penalty at the first step of a person after the policy, instead of at t_r.

    What was adaptation counts as recovery then. An episode without t_r stays as it is.
    """
    if not episode.t_r.any():
        return episode
    driven = episode.source != Phase.AUTONOMOUS
    first = np.flatnonzero(driven & ~np.roll(driven, 1) & (np.arange(len(episode)) > 0))
    if not len(first):
        return episode
    early = np.zeros_like(episode.t_r)
    early[first] = True
    early &= ~episode.done
    reward = np.where(episode.t_r & ~episode.done, step, episode.reward)
    return replace(
        episode,
        t_r=early,
        reward=np.where(early, penalty, reward).astype(np.float32),
        source=np.where(driven, Phase.RECOVERY, episode.source).astype(np.uint8),
    )
