"""Mazes with branches: a point that is pushed along corridors, and mixed data of which no episode goes all the way.

Lengths are in cells, a step is one row of an episode. Everything follows from a seed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rove_teleop.training.steps import EpisodeSteps

Floats = NDArray[np.float64]
Cell = tuple[int, int]

LAYOUTS = {
    "medium": (
        "###########",
        "#S......#.#",
        "###.###.#.#",
        "#...#.....#",
        "#####.#####",
        "#.....#...#",
        "#.#.#.#.###",
        "#.#.#.....#",
        "#####.#.#.#",
        "#........G#",
        "###########",
    ),
    "large": (
        "#################",
        "#S#.......#.#...#",
        "#.###.#####.###.#",
        "#.#.........#.#.#",
        "#.#.#.###.#.#.#.#",
        "#.#.#...........#",
        "#.###.#.###.#.#.#",
        "#.#...#...#...#.#",
        "#.###.#.###.#.###",
        "#...#.#.#.......#",
        "###.#.#.###.###.#",
        "#.....#...#...#G#",
        "#################",
    ),
}
EPISODES = {"medium": 300, "large": 500}
LENGTH = {"medium": 60, "large": 100}
"""Steps after which an episode that has not met the goal is over, and failed."""

FASTEST, MARGIN, AT_GOAL = 0.2, 0.2, 0.5
FAILED = -500.0
"""The paper's penalty; success costs 0 and every other step 1."""
CHUNK = 16


@dataclass(frozen=True)
class Maze:
    """Free cells (rows, columns), the centres of start and goal (x, y), and the cells' graph."""

    name: str
    free: NDArray[np.bool_]
    start: Floats
    goal: Floats

    def neighbours(self, cell: Cell) -> list[Cell]:
        """Free cells beside ``cell`` (row, column); the border is wall."""
        row, column = cell
        beside = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        return [other for other in beside if self.free[other]]

    def cells(self) -> list[Cell]:
        return [(int(row), int(column)) for row, column in np.argwhere(self.free)]

    def distances(self, target: Cell) -> NDArray[np.int64]:
        """Cells to walk to ``target`` from every cell, -1 in walls and where no way leads."""
        found = np.full(self.free.shape, -1, dtype=np.int64)
        found[target] = 0
        queue = deque([target])
        while queue:
            cell = queue.popleft()
            for other in self.neighbours(cell):
                if found[other] < 0:
                    found[other] = found[cell] + 1
                    queue.append(other)
        return found

    def onward(self, targets: list[Cell]) -> Floats:
        """Centres (targets, rows, columns, 2) of the cell that is next on the way to each target; its own at it."""
        found = np.zeros((len(targets), *self.free.shape, 2))
        for number, target in enumerate(targets):
            distance = self.distances(target)
            for cell in self.cells():
                ahead = min(self.neighbours(cell), key=lambda other: int(distance[other]))
                found[number, *cell] = centre(cell if cell == target else ahead)
        return found

    def forks(self) -> NDArray[np.bool_]:
        """Cells with more than two ways on."""
        found = np.zeros_like(self.free)
        for cell in self.cells():
            found[cell] = len(self.neighbours(cell)) > 2
        return found

    def moved(self, position: Floats, velocity: Floats) -> Floats:
        """Positions (n, 2) one step later; along an axis where a wall is nearer than the margin nothing moves."""
        speed = np.linalg.norm(velocity, axis=-1, keepdims=True)
        velocity = velocity * np.minimum(1.0, FASTEST / np.maximum(speed, 1e-9))
        result = position.copy()
        for axis in (0, 1):
            tried = result.copy()
            tried[:, axis] += velocity[:, axis]
            ahead = tried.copy()
            ahead[:, axis] += MARGIN * np.sign(velocity[:, axis])
            column, row = np.floor(ahead).astype(np.int64).T
            fits = self.free[row, column]
            result[fits, axis] = tried[fits, axis]
        return result

    def features(self, position: Floats) -> NDArray[np.float32]:
        """What critics and actors see (n, 18) of positions (n, 2): waves of 16, 8, 4 and 2 cells, as place cells have.

        Values jump at walls; from two bare numbers a small network learns that slowly, whatever the method.
        """
        angle = np.pi * position[:, None, :] * np.array([1 / 8, 1 / 4, 1 / 2, 1.0])[:, None]
        waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=2).reshape(len(position), -1)
        return np.concatenate([position, waves], axis=1).astype(np.float32)

    def at_goal(self, position: Floats) -> NDArray[np.bool_]:
        reached: NDArray[np.bool_] = np.linalg.norm(position - self.goal, axis=-1) < AT_GOAL
        return reached


def maze(name: str) -> Maze:
    """One of `LAYOUTS`."""
    letters = np.array([list(row) for row in LAYOUTS[name]])
    centres = [np.argwhere(letters == letter)[0][::-1] + 0.5 for letter in "SG"]
    return Maze(name, letters != "#", *centres)


def centre(cell: Cell) -> Floats:
    return np.array([cell[1] + 0.5, cell[0] + 0.5])


def cell_of(position: Floats) -> Cell:
    return int(position[1]), int(position[0])


def places(of: Maze, variant: str) -> list[Cell]:
    """Where episodes start and head for: the forks, corners' ends and named cells (play), or any cell (diverse)."""
    if variant == "diverse":
        return of.cells()
    named = {cell_of(of.start), cell_of(of.goal)}
    return [cell for cell in of.cells() if len(of.neighbours(cell)) != 2 or cell in named]


def walks(
    of: Maze, variant: str, length: int, count: int, random: np.random.Generator
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Positions and velocities (count, length, 2) of people on errands, and the steps that each took (count,).

    Everyone has a pace of their own, wobbles, heads for one place after the other, every fourth time for the goal, and
    at a fork sometimes changes their mind. One in six starts at the start. At the goal an episode is over.
    """
    targets = [*places(of, variant), cell_of(of.goal)]
    onward, forks = of.onward(targets), of.forks()
    begin = np.where(random.random(count) < 1 / 6, targets.index(cell_of(of.start)), _draw(targets, count, random, 0.0))
    position = np.array([centre(targets[number]) for number in begin]) + random.uniform(-0.2, 0.2, (count, 2))
    errand, pace = _draw(targets, count, random), random.uniform(0.08, 0.16, (count, 1))
    wobble, last = np.zeros((count, 2)), np.zeros((count, 2), dtype=np.int64)
    positions, velocities = np.zeros((2, count, length, 2))
    steps = np.full(count, length)
    for step in range(length):
        here = np.floor(position[:, ::-1]).astype(np.int64)
        row, column = here.T
        arrived = np.all(onward[errand, row, column][:, ::-1] == here + 0.5, axis=1)
        doubts = np.any(here != last, axis=1) & forks[row, column] & (random.random(count) < 0.2)
        errand = np.where(arrived | doubts, _draw(targets, count, random), errand)
        ahead = onward[errand, row, column] - position
        wobble = 0.7 * wobble + random.normal(0.0, 0.03, (count, 2))
        velocity = pace * ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), pace) + wobble
        positions[:, step], velocities[:, step], last = position, velocity, here
        position = of.moved(position, velocity)
        steps = np.where(of.at_goal(position), np.minimum(steps, step + 1), steps)
    return positions, velocities, steps


def _draw(targets: list[Cell], count: int, random: np.random.Generator, to_goal: float = 0.25) -> NDArray[np.int64]:
    """Numbers of targets; the last one is the goal."""
    number = random.integers(len(targets) - 1, size=count)
    return np.where(random.random(count) < to_goal, len(targets) - 1, number)


def dataset(name: str, variant: str, seed: int) -> list[EpisodeSteps]:
    """The episodes of one maze, ``play`` or ``diverse``; none that was near the start reaches the goal."""
    of, random = maze(name), np.random.default_rng([seed, len(name), len(variant)])
    count = EPISODES[name]
    positions, velocities, steps = walks(of, variant, LENGTH[name], 2 * count, random)
    episodes: list[EpisodeSteps] = []
    for path, velocity, length in zip(positions, velocities, steps, strict=True):
        success = bool(of.at_goal(of.moved(path[length - 1][None], velocity[length - 1][None]))[0])
        from_start = np.any(np.abs(path[:length] - of.start).sum(axis=1) < 2.0)
        if length >= CHUNK // 2 and not (success and from_start) and len(episodes) < count:
            title = f"{name}-{variant}-{seed}-{len(episodes):03d}"
            episodes.append(as_steps(of, title, path[:length], velocity[:length], success))
    return episodes


def as_steps(of: Maze, name: str, positions: Floats, velocities: Floats, success: bool) -> EpisodeSteps:
    """The value that trainers learn from: the scene is the position, the targets are the velocities that followed."""
    steps = len(positions)
    row = np.minimum(np.arange(steps)[:, None] + np.arange(CHUNK), steps - 1)
    reward = np.full(steps, -1.0, dtype=np.float32)
    reward[-1] = 0.0 if success else FAILED
    nothing = np.zeros(steps, dtype=bool)
    return EpisodeSteps(
        name=name,
        kind="rollout",
        success=success,
        instruction="go to the goal",
        scene=of.features(positions),
        joints=np.zeros((steps, 4), dtype=np.float32),
        source=np.zeros(steps, dtype=np.uint8),
        reward=reward,
        done=np.arange(steps) == steps - 1,
        t_r=nothing,
        cut_before=nothing,
        delta_rad=velocities[row].astype(np.float32),
        imitable=~nothing,
    )
