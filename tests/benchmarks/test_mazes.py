"""The branching maze of benchmarks/maze: nobody passes walls, the data is mixed, and none of it solves the task."""

import importlib
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "maze"


@pytest.fixture
def mazes(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("mazes")


@pytest.mark.parametrize("name", ["medium", "large"])
def test_every_cell_leads_to_the_goal_and_forks_lie_on_the_way(mazes, name):
    of = mazes.maze(name)
    distance = of.distances(mazes.cell_of(of.goal))
    assert all(distance[cell] >= 0 for cell in of.cells())
    cell, forks = mazes.cell_of(of.start), 0
    while distance[cell] > 0:
        cell = min(of.neighbours(cell), key=lambda other: distance[other])
        forks += len(of.neighbours(cell)) > 2
    assert forks >= 5


def test_nobody_passes_a_wall_however_they_push(mazes):
    of, random = mazes.maze("medium"), np.random.default_rng(0)
    position = np.tile(of.start, (200, 1))
    for _ in range(300):
        before, position = position, of.moved(position, random.normal(0.0, 1.0, position.shape))
        column, row = np.floor(position).astype(int).T
        assert of.free[row, column].all()
        assert np.linalg.norm(position - before, axis=1).max() <= mazes.FASTEST + 1e-9


def test_no_episode_that_was_near_the_start_reaches_the_goal_yet_both_are_visited(mazes):
    of, episodes = mazes.maze("medium"), mazes.dataset("medium", "play", 0)
    near_start = [np.any(np.abs(one.scene[:, :2] - of.start).sum(axis=1) < 2.0) for one in episodes]
    success = [one.success for one in episodes]
    assert sum(near_start) > 10 and sum(success) > 10
    assert not any(near and won for near, won in zip(near_start, success, strict=True))


def test_the_same_seed_gives_the_same_data_and_another_one_does_not(mazes):
    first, again, other = (mazes.dataset("medium", "diverse", seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.delta_rad, again.delta_rad)
    assert first.scene.shape != other.scene.shape or not np.array_equal(first.scene, other.scene)


def test_rewards_are_those_of_the_paper(mazes):
    for one in mazes.dataset("medium", "play", 0)[:50]:
        assert np.all(one.reward[:-1] == -1.0)
        assert one.reward[-1] == (0.0 if one.success else -500.0)
