"""OVE against exact solutions: value iteration with an expectile backup, and an independent IQL."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import expectile

from rove_teleop.training.critic import CriticSettings, train_critic

from .made_episodes import made_episode

LAYERS, WIDTH = 5, 3
STATES = LAYERS * WIDTH
TABLE = CriticSettings(
    tau=0.8, layers=0, weight_decay=0.0, pretrain_steps=0, steps=500, batch=4096, learning_rate=0.03, target_decay=0.9
)


def branching_walks(count=60):
    """Walks through layers of states, some lingering; what a step costs depends on where it leads.

    Good and bad continuations pass through the same states, so that the best is in no single walk.
    """
    generator = np.random.default_rng(3)
    cost = generator.uniform(1.0, 10.0, size=(STATES, STATES))
    walks = []
    for _ in range(count):
        states = [int(generator.integers(WIDTH))]
        while states[-1] < STATES - WIDTH:
            layer = states[-1] // WIDTH + int(generator.random() < 0.7)
            states.append(layer * WIDTH + int(generator.integers(WIDTH)))
        rewards = [-cost[a, b] for a, b in pairwise(states)]
        walks.append((np.array(states), np.array([*rewards, -20.0 * (states[-1] == STATES - 1)])))
    return walks


def as_episodes(walks):
    return [
        made_episode(reward, np.eye(STATES)[states], f"w{number}", success=reward[-1] == 0.0)
        for number, (states, reward) in enumerate(walks)
    ]


@cache
def learnt(horizon):
    critic = train_critic(as_episodes(branching_walks()), replace(TABLE, horizon=horizon))
    return critic.value(made_episode(np.zeros(STATES), np.eye(STATES)))


def value_iteration(walks, horizon, tau):
    """V(s) = expectile over all visits of s of (the next n rewards + V of the state n steps on), solved exactly."""
    value = np.zeros(STATES)
    for _ in range(500):
        backups = [[] for _ in range(STATES)]
        for states, reward in walks:
            for step, state in enumerate(states):
                after = step + horizon
                rest = value[states[after]] if after < len(states) else 0.0
                backups[state].append(reward[step:after].sum() + rest)
        new = np.array([expectile(sample, tau) for sample in backups])
        if np.max(np.abs(new - value)) < 1e-6:
            return new
        value = new
    raise ArithmeticError("value iteration does not converge")


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_fixed_point_is_that_of_exact_value_iteration(horizon):
    walks = branching_walks()
    exact = value_iteration(walks, horizon, TABLE.tau)
    found = learnt(horizon)
    assert np.ptp(exact) > 20.0
    np.testing.assert_allclose(found, exact, atol=0.015 * np.ptp(exact))


def iql(walks, tau):
    """Kostrikov et al. 2021, tabular, by gradient: Q regresses r + V(s') (eq. 6), V the tau-expectile of Q (eq. 5)."""
    visited = [
        (a, b, r) for states, reward in walks for a, b, r in zip(states, [*states[1:], STATES], reward, strict=True)
    ]
    state, after, reward = (np.array(column) for column in zip(*visited, strict=True))
    q, v = np.zeros((STATES, STATES + 1)), np.zeros(STATES + 1)
    visits, pairs = np.bincount(state, minlength=STATES + 1), np.zeros_like(q)
    np.add.at(pairs, (state, after), 1)
    for _ in range(1000):
        slope = np.zeros_like(q)
        np.add.at(slope, (state, after), reward + v[after] - q[state, after])
        q += 0.5 * slope / np.maximum(pairs, 1)
        error = q[state, after] - v[state]
        pull = np.bincount(state, np.abs(tau - (error < 0)) * error, minlength=STATES + 1)
        v += pull / np.maximum(visits, 1)
    return v[:STATES]


def test_one_step_ahead_it_is_iql():
    """An action is where it leads (what happens is certain), so the expectile of r + V(s') is that of an exact Q."""
    walks = branching_walks()
    reference = iql(walks, TABLE.tau)
    np.testing.assert_allclose(learnt(1), reference, atol=0.015 * np.ptp(reference))
    np.testing.assert_allclose(value_iteration(walks, 1, TABLE.tau), reference, atol=1e-3)
