"""How often each window is drawn: by who drove, in which phase, in whose episode, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...types import Array, Authority, Phase
from .cache_files import CachedEpisode
from .selection import AUTHORITY_KEY, codes
from .windows import Windows

_OF_EPISODE = ("outcome", "split", "task", "operator", "policy_id", "protocol", "takeover_mode", "id")


@dataclass(frozen=True, slots=True)
class Sources:
    """What windows start in, (windows,) each: phase and authority (stored numbers), the place in ``episodes``."""

    phase: NDArray[np.uint8]
    authority: NDArray[np.uint8]
    episode: NDArray[np.int64]
    episodes: tuple[CachedEpisode, ...]


Weights = Mapping[str, float] | Callable[[Sources], Array]
"""``{"phase=recovery": 4.0, "operator=anna": 0.5}`` (factors multiply, what is not named counts 1), or a function."""


def window_weights(windows: Windows, weights: Weights) -> Array:
    """The weight of every window, (windows,).

    Raises:
        UsageError: a source that is not written ``field=value``, or that no window has.
    """
    places = windows.places(np.arange(len(windows)))
    cache = windows.cache
    sources = Sources(
        cache.labels.phase[places.start], cache.columns[AUTHORITY_KEY][places.start], places.episode, cache.episodes
    )
    if not isinstance(weights, Mapping):
        return np.asarray(weights(sources), dtype=np.float64)
    result = np.ones(len(windows))
    for source, factor in weights.items():
        matched = _matched(windows, sources, source)
        if not matched.any():
            raise UsageError(f"{cache.root}: a weight is given for '{source}', but no window is of it")
        result[matched] *= factor
    return result


def _matched(windows: Windows, sources: Sources, source: str) -> NDArray[np.bool_]:
    field, equals, value = source.partition("=")
    if equals and field == "phase":
        return np.equal(sources.phase, codes([value], Phase, "phase")[0])
    if equals and field == "authority":
        return np.equal(sources.authority, codes([value], Authority, "authority")[0])
    if not equals or field not in _OF_EPISODE:
        fields = ", ".join(("phase", "authority", *_OF_EPISODE))
        raise UsageError(f"a weight is given for '{source}'; write field=value with one of {fields}")
    labels = windows.cache.labels.episodes
    said = {
        "outcome": [item.outcome for item in labels],
        "split": [item.split for item in labels],
    }.get(field) or [entry.about[field] for entry in windows.cache.episodes]
    return np.array([item == value for item in said], dtype=np.bool_)[sources.episode]
