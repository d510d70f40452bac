"""A small network that was trained elsewhere, evaluated without torch: a session needs nothing but numpy for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Network:
    """Linear layers (w (out, in), b (out,)) with a rectifier between them, behind a fixed scaling of the input (d,)."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]

    @property
    def inputs(self) -> int:
        return len(self.mean)

    def scaled(self, x: NDArray[np.floating]) -> NDArray[np.float32]:
        """The input (..., d) as the first layer sees it; far outside of training it is clipped to ±10 deviations."""
        return np.asarray(np.clip((x - self.mean) / self.scale, -10.0, 10.0), dtype=np.float32)

    def __call__(self, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Output (..., k) for a scaled input (..., d)."""
        x: NDArray[np.float32] = scaled
        for number, (w, b) in enumerate(self.layers):
            x = np.asarray(x @ w.T + b, dtype=np.float32)
            if number + 1 < len(self.layers):
                x = np.maximum(x, np.float32(0.0))
        return x


def read_network(tensors: Tensors, name: str) -> Network:
    """The network whose tensors are called ``name.mean``, ``name.scale``, ``name.0.w``, ``name.0.b``, ``name.1.w``, …

    Raises:
        KeyError: it is not there.
        ValueError: shapes that do not follow each other, or values that are not finite.
    """
    mean, scale = tensors[f"{name}.mean"], tensors[f"{name}.scale"]
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    width = len(mean)
    while f"{name}.{len(layers)}.w" in tensors:
        w, b = tensors[f"{name}.{len(layers)}.w"], tensors[f"{name}.{len(layers)}.b"]
        if w.ndim != 2 or w.shape[1] != width or b.shape != w.shape[:1]:
            raise ValueError(f"layer {len(layers)} of '{name}' is {w.shape} after {width} values")
        width = len(b)
        layers.append((w, b))
    parts = [mean, scale, *(part for layer in layers for part in layer)]
    if not layers or mean.shape != scale.shape or not all(np.isfinite(part).all() for part in parts):
        raise ValueError(f"'{name}' has no layers, or values that are not finite")
    return Network(mean, scale, tuple(layers))
