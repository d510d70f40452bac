"""Statistics as LeRobot keeps them: per episode, and merged the way LeRobot merges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Array

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
Statistics = dict[str, NDArray[Any]]
"""``min max mean std`` and the quantiles, (m,) each, and ``count`` (1,); of images (3, 1, 1) in 0 to 1."""


def column_statistics(values: NDArray[Any]) -> Statistics:
    """Statistics of one column (frames,) or (frames, m), over what is finite; 0 where nothing is."""
    kind = np.float32 if values.dtype in (np.float32, np.uint8) else np.float64
    table = np.array(values.reshape(len(values), -1).T, kind, order="C")
    table[np.isinf(table)] = np.nan
    ordered = np.sort(table, axis=1)  # NaN sorts behind every number
    known = np.count_nonzero(~np.isnan(ordered), axis=1)
    at = np.arange(table.shape[1]) < known[:, None]
    count = np.maximum(known, 1)
    mean = np.sum(ordered, axis=1, where=at, dtype=np.float64) / count
    # The deviations are taken in double precision: a joint that hardly moves has a variance far below its mean.
    off = np.where(at, ordered, mean[:, None]).astype(np.float64) - mean[:, None]
    std = np.sqrt(np.einsum("ij,ij->i", off, off) / count)
    result = {"min": _ranked(ordered, known, 0.0), "max": _ranked(ordered, known, 1.0), "mean": mean, "std": std}
    result |= {name: _ranked(ordered, known, share) for name, share in QUANTILES.items()}
    return {**result, "count": np.array([len(values)], np.int64)}


def image_statistics(images: Sequence[NDArray[np.uint8]]) -> Statistics:
    """Statistics per colour of images (h, w, 3), scaled to 0 to 1."""
    flat = column_statistics(np.concatenate([image.reshape(-1, 3) for image in images]))
    count = np.array([len(images)], np.int64)
    return {name: count if name == "count" else value.reshape(3, 1, 1) / 255.0 for name, value in flat.items()}


def merged(episodes: Sequence[Mapping[str, Statistics]]) -> dict[str, Statistics]:
    """Statistics over all episodes by column: exact but for the quantiles, which are means weighted by length."""
    return {key: _merged_column([episode[key] for episode in episodes]) for key in episodes[0]} if episodes else {}


def _merged_column(parts: Sequence[Statistics]) -> Statistics:
    count = np.array([part["count"][0] for part in parts])
    weight = (count / count.sum()).reshape(-1, *[1] * parts[0]["mean"].ndim)
    stacked = {name: np.stack([part[name] for part in parts]) for name in parts[0] if name != "count"}
    result = {name: np.sum(weight * stacked[name], axis=0) for name in ("mean", *QUANTILES)}
    variance = stacked["std"] ** 2 + (stacked["mean"] - result["mean"]) ** 2
    result |= {"min": stacked["min"].min(axis=0), "max": stacked["max"].max(axis=0)}
    return {**result, "std": np.sqrt(np.sum(weight * variance, axis=0)), "count": np.array([count.sum()])}


def _ranked(ordered: NDArray[Any], known: NDArray[np.int64], share: float) -> Array:
    """The value that ``share`` of the ``known`` first numbers of each row lie below, interpolated linearly."""
    place = share * np.maximum(known - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(known - 1, 0))
    rows = np.arange(len(ordered))
    below, above = ordered[rows, low].astype(np.float64), ordered[rows, high].astype(np.float64)
    return np.where(known > 0, below + (place - low) * (above - below), 0.0)
