"""One cell of the table: a critic, labels, the same extraction, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from exact import PACE, steps_to_goal
from extraction import roll_out, train_policy
from iql import IqlSettings, train_iql
from mazes import Floats, Maze, cell_of, dataset, maze
from numpy.typing import NDArray

from rove_teleop.training.advantages import advantages, threshold
from rove_teleop.training.critic import CriticSettings, train_critic
from rove_teleop.training.methods import filtered_bc
from rove_teleop.training.steps import EpisodeSteps
from rove_teleop.training.supervision import LabelSettings

BETAS = (1.0, 2.0)
ROLLOUTS = 100
PERCENTILE = 70.0


@dataclass(frozen=True)
class Judgement:
    """Values (n, 18) -> (n,) and the advantage of every step of every episode (s,)."""

    value: Callable[[Floats], Floats]
    advantage: Floats


def ours(episodes: list[EpisodeSteps], seed: int, settings: CriticSettings) -> Judgement:
    """The package's critic; in its own sample, for a position does not tell an episode from another one."""
    critic = train_critic(episodes, settings, seed)

    def value(scene: Floats) -> Floats:
        return critic.value(_at(episodes[0], scene))

    found = [advantages(one, critic.value(one), settings.horizon) for one in episodes]
    return Judgement(value, np.concatenate(found))


def iql(episodes: list[EpisodeSteps], seed: int, settings: IqlSettings) -> Judgement:
    learned = train_iql(episodes, settings, seed)
    return Judgement(learned.value, np.concatenate([learned.advantage(one) for one in episodes]))


def shortest_way(of: Maze, episodes: list[EpisodeSteps]) -> Judgement:
    """Told the truth: what extraction makes of perfect values."""

    def value(scene: Floats) -> Floats:
        return -steps_to_goal(of, scene[:, :2].astype(np.float64))

    return Judgement(value, np.concatenate([advantages(one, value(one.scene)) for one in episodes]))


def _at(example: EpisodeSteps, scene: Floats) -> EpisodeSteps:
    """An episode that visits ``scene``, to ask a critic for values anywhere."""
    steps = len(scene)
    nothing = np.zeros(steps, dtype=bool)
    return replace(
        example,
        scene=scene.astype(np.float32),
        joints=np.zeros((steps, 4), dtype=np.float32),
        source=np.zeros(steps, dtype=np.uint8),
        reward=np.zeros(steps, dtype=np.float32),
        done=np.arange(steps) == steps - 1,
        t_r=nothing,
        cut_before=nothing,
        delta_rad=np.zeros((steps, *example.delta_rad.shape[1:]), dtype=np.float32),
        imitable=~nothing,
    )


TAU = 0.9
"""The headline's optimism, for OVE and IQL alike: what IQL's paper uses in AntMaze."""
QUICK = CriticSettings(tau=TAU, target_decay=0.98, learning_rate=3e-3, pretrain_steps=1000, steps=2000)
"""A value must travel 20 backups here; behind a target of decay 0.995 that takes 5000 steps, behind this one 3000."""
CRITICS: dict[str, Callable[[Maze, list[EpisodeSteps], int], Judgement]] = {
    "ove": lambda _, data, seed: ours(data, seed, QUICK),
    "ove .7": lambda _, data, seed: ours(data, seed, replace(QUICK, tau=0.7)),
    "ove .5": lambda _, data, seed: ours(data, seed, replace(QUICK, tau=0.5)),
    "ove H4": lambda _, data, seed: ours(data, seed, replace(QUICK, horizon=4)),
    "ove H50": lambda _, data, seed: ours(data, seed, replace(QUICK, horizon=50)),
    "mc": lambda _, data, seed: ours(data, seed, replace(QUICK, kind="monte_carlo", steps=3000)),
    "iql": lambda _, data, seed: iql(data, seed, IqlSettings(tau=TAU)),
    "truth": lambda of, data, _: shortest_way(of, data),
}
MAIN = (("ove", "filtered bc"), ("mc",), ("iql",), ("bc",))
SWEEP = (("ove .7",), ("ove .5",), ("ove H4",), ("ove H50",), ("truth",))
"""Cells that share a critic are computed together."""


def limit(of: Maze) -> int:
    """Half as long again as the shortest way at the data's mean pace."""
    return round(1.5 * float(of.distances(cell_of(of.goal))[cell_of(of.start)]) / PACE)


def run_seed(name: str, variant: str, seed: int, cells: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """What the named cells of one maze, variant and seed found: JSON of counts, in the order of ``cells``."""
    of, episodes = maze(name), dataset(name, variant, seed)
    judged: dict[str, Judgement] = {}
    found: dict[str, dict[str, Any]] = {}
    for cell in cells:
        critic = "ove" if cell == "filtered bc" else cell
        if critic in CRITICS and critic not in judged:
            judged[critic] = CRITICS[critic](of, episodes, seed)
        found[cell] = _cell(of, episodes, seed, cell, judged.get(critic))
    return found


def _cell(of: Maze, episodes: list[EpisodeSteps], seed: int, cell: str, judged: Judgement | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if judged is None:
        policy, betas = train_policy(episodes, seed=seed), (None,)
    else:
        positive = judged.advantage > threshold([judged.advantage], PERCENTILE)
        result["nearer"] = float(nearer(of, episodes)[positive].mean())
        if cell == "filtered bc":
            policy, betas = train_policy(episodes, _kept(episodes, positive), seed=seed), (None,)
        else:
            policy, betas = train_policy(episodes, positive=positive, seed=seed), BETAS
    for beta in betas:
        rollouts = roll_out(of, policy, beta, ROLLOUTS, limit(of), seed=1000 + seed)
        result[f"beta {beta:g}" if beta is not None else "plain"] = {
            "success": rollouts.success.tolist(),
            "steps": rollouts.steps.tolist(),
        }
    return result


def _kept(episodes: list[EpisodeSteps], positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Filtered BC as the package has it: above the threshold, and nothing fails within the chunk."""
    fails = np.concatenate([filtered_bc.fails(one, LabelSettings().horizon) for one in episodes])
    return positive & ~fails


def nearer(of: Maze, episodes: list[EpisodeSteps], ahead: int = 16) -> NDArray[np.bool_]:
    """(s,) whether the chunk brought its walker nearer to the goal, by the shortest way."""
    found = []
    for one in episodes:
        steps = steps_to_goal(of, one.scene[:, :2].astype(np.float64))
        later = np.minimum(np.arange(len(one)) + ahead, len(one) - 1)
        found.append(steps[later] < steps)
    return np.concatenate(found)
