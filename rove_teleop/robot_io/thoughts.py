"""What a policy thinks, for those who watch it, and what they say of it: an embedding and a value; an alarm."""

from __future__ import annotations

import json
import math

import numpy as np
from std_msgs.msg import Float64MultiArray, String

from ..errors import MessageRefused
from ..types import Array
from .joints import double_array
from .json_text import read_number, read_object

MAX_EMBEDDING = 65536


def pack_thoughts(embedding: Array | None, value: float | None) -> Float64MultiArray:
    """The value (NaN: none), then the embedding (e,), flattened."""
    seen = np.empty(0) if embedding is None else np.asarray(embedding, dtype=np.float64).ravel()
    return Float64MultiArray(data=double_array(np.concatenate([[math.nan if value is None else value], seen])))


def read_thoughts(message: Float64MultiArray) -> tuple[Array | None, float | None]:
    """Embedding (e,) and value, each None when there is none.

    Raises:
        MessageRefused: nothing in it, too much, or an embedding that is not finite.
    """
    values: Array = np.array(message.data, dtype=np.float64)
    if not 1 <= len(values) <= 1 + MAX_EMBEDDING:
        raise MessageRefused("wrong_length", f"{len(values)} values are no thoughts of a policy")
    value, embedding = float(values[0]), values[1:]
    if not np.isfinite(embedding).all():
        raise MessageRefused("not_finite", "the embedding is not finite")
    return embedding if len(embedding) else None, value if math.isfinite(value) else None


def pack_advice(alarm: str | None, elevated_for_s: float, calibrated: bool) -> String:
    """JSON: the alarm as a sentence or null, for how long the score has been elevated (0: it is not), and whether by a
    calibration."""
    body = {"alarm": alarm, "elevated_for_s": round(elevated_for_s, 4), "calibrated": calibrated}
    return String(data=json.dumps(body))


def read_advice(message: String) -> tuple[str | None, float, bool]:
    """The sentence or None, for how long, and whether by a calibration (false where nothing is said of that).

    Raises:
        MessageRefused: not the JSON of an advice.
    """
    body, elevated_for_s = read_object(message.data), read_number(message.data, "elevated_for_s")
    if "alarm" not in body:
        raise MessageRefused("not_json", "an advice is JSON with alarm and elevated_for_s")
    alarm, calibrated = body["alarm"], body.get("calibrated", False) is True
    if not (alarm is None or isinstance(alarm, str)) or not 0.0 <= elevated_for_s < 1e6:
        raise MessageRefused("nonsense", "an advice is a sentence or null, and a number of seconds")
    return (alarm[:300] if alarm else None), elevated_for_s, calibrated
