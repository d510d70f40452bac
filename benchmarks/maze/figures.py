"""Value maps side by side: what is true, what the critics should have found, and what they found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exact import PER_CELL, Squares, centres, expectile_iteration, monte_carlo, steps_to_goal
from matplotlib.figure import Figure
from mazes import FAILED, Maze, dataset, maze
from methods import CRITICS, TAU

from rove_teleop.plots.figure import INK, save_png


def draw(path: Path, name: str, variant: str, seed: int) -> dict[str, tuple[float, float]]:
    """Write the picture; return how far critics are from their exact counterparts: RMSE in steps, and correlation."""
    of, episodes = maze(name), dataset(name, variant, seed)
    exact, mean = expectile_iteration(of, episodes, TAU), monte_carlo(of, episodes)
    middle, seen = centres(of), ~np.isnan(exact.value.ravel())
    maps = {"shortest way": _of_squares(of, seen, -steps_to_goal_where(of, middle, seen)), f"exact, tau {TAU:g}": exact}
    maps["mean return"] = mean
    titles = {"ove": f"OVE, tau {TAU:g}", "mc": "Monte-Carlo", "iql": f"IQL, tau {TAU:g}"}
    for critic, title in titles.items():
        value = np.full(len(middle), np.nan)
        value[seen] = CRITICS[critic](of, episodes, seed).value(of.features(middle[seen]))
        maps[title] = Squares(of, value.reshape(exact.value.shape), exact.count)
    _picture(path, of, maps)
    pairs = {"OVE": (titles["ove"], exact), "Monte-Carlo": (titles["mc"], mean)}
    return {label: _distance(maps[title], target) for label, (title, target) in pairs.items()}


def steps_to_goal_where(of: Maze, position, seen):  # type: ignore[no-untyped-def]
    """Steps for positions (n, 2) that were seen, NaN elsewhere: a wall has no way to the goal."""
    found = np.full(len(position), np.nan)
    found[seen] = steps_to_goal(of, position[seen])
    return found


def _of_squares(of: Maze, seen, value) -> Squares:  # type: ignore[no-untyped-def]
    shape = tuple(size * PER_CELL for size in of.free.shape)
    return Squares(of, value.reshape(shape), seen.reshape(shape).astype(np.int64))


def _distance(found: Squares, exact: Squares) -> tuple[float, float]:
    known = exact.count > 0
    a, b, weight = found.value[known], exact.value[known], exact.count[known]
    rmse = float(np.sqrt(np.average((a - b) ** 2, weights=weight)))
    return rmse, float(np.corrcoef(a, b)[0, 1])


def _picture(path: Path, of: Maze, maps: dict[str, Squares]) -> None:
    figure = Figure(figsize=(11.0, 6.0))
    all_axes = figure.subplots(2, 3).ravel()
    image = None
    for (title, squares), axes in zip(maps.items(), all_axes, strict=True):
        extent = (0, of.free.shape[1], of.free.shape[0], 0)
        axes.set_facecolor("#d0d4d8")
        image = axes.imshow(squares.value, extent=extent, cmap="viridis", vmin=1.3 * FAILED, vmax=0)
        for letter, place in (("S", of.start), ("G", of.goal)):
            axes.text(*place, letter, color="white", ha="center", va="center", fontsize=8, weight="bold")
        axes.set_title(title, fontsize=9, color=INK)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(image, ax=all_axes.tolist(), label="value [steps]", shrink=0.8)
    save_png(figure, path)
