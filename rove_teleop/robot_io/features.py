"""Named numbers (a task's features) as std_msgs/Float64MultiArray with one labelled dimension per feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from ..errors import MessageRefused
from ..types import Array
from .joints import double_array

MAX_FEATURES = 1024


class FeaturePacker:
    """Fills one message again and again: the labels are written once."""

    def __init__(self, feature_names: Sequence[str]) -> None:
        self._message = Float64MultiArray()
        self._message.layout.dim = [MultiArrayDimension(label=name, size=1, stride=1) for name in feature_names]

    def pack(self, features: Array) -> Float64MultiArray:
        """Message of the values (k,), in the order of the names."""
        if features.shape != (len(self._message.layout.dim),):
            raise ValueError(f"{features.shape} values for {len(self._message.layout.dim)} features")
        self._message.data = double_array(features)
        return self._message


def read_features(message: Float64MultiArray) -> tuple[tuple[str, ...], Array]:
    """Names and values (k,).

    Raises:
        MessageRefused: labels and values differ in number, a label is empty or repeated, a value is not finite.
    """
    names = tuple(dimension.label for dimension in message.layout.dim)
    values: Array = np.array(message.data, dtype=np.float64)
    if len(names) != len(values) or not (1 <= len(names) <= MAX_FEATURES):
        raise MessageRefused("wrong_length", f"{len(values)} values for {len(names)} labelled features")
    if len(set(names)) != len(names) or "" in names:
        raise MessageRefused("labels", "every feature needs a label of its own")
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise MessageRefused("not_finite", f"feature '{names[bad]}' is {values[bad]}")
    return names, values
