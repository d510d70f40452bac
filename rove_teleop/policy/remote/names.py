"""What is called how on the wire: openpi's keys, and ours beside them, which other servers and clients may ignore."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MessageRefused
from ...types import Array
from ..protocol import Observation
from .fit import Fit

VERSION_KEY, VERSION = "rove/version", 1


def question(
    observation: Observation, fit: Fit, joint_index: NDArray[np.int64], state_key: str = "observation/state"
) -> dict[str, Any]:
    """All but the pictures: measured and commanded joints (m,) in the policy's order, its features, the words."""
    asked: dict[str, Any] = {
        state_key: observation.q_measured_rad[joint_index].astype(np.float32),
        "rove/q_commanded_rad": observation.q_commanded_rad[joint_index].astype(np.float32),
        "rove/stamp_s": observation.stamp_s,
        "rove/delay_s": observation.delay_s,
        "prompt": observation.instruction,
    }
    if fit.feature_names:
        place = {name: i for i, name in enumerate(observation.feature_names)}
        chosen = [place[name] for name in fit.feature_names]
        asked["rove/features"] = observation.features[chosen].astype(np.float32)
    return asked


def numbers(value: object, name: str) -> Array:
    """Real numbers as float64, whatever their shape; else `MessageRefused`."""
    if isinstance(value, bool) or not isinstance(value, np.ndarray | np.generic | int | float):
        raise MessageRefused("wrong shape", f"'{name}' holds {type(value).__name__}, not an array")
    found = np.asarray(value)
    if found.dtype.kind not in "fiu":
        raise MessageRefused("wrong shape", f"'{name}' holds {found.dtype}, not real numbers")
    return found.astype(np.float64)
