"""JSON objects between processes: bounded in size on the way in, finite on the way out."""

from __future__ import annotations

import json
import math

JsonObject = dict[str, object]

MAX_CHARACTERS = 262_144


def parse_object(text: str) -> JsonObject:
    """The JSON object in ``text``, with every number that is not finite turned into None.

    Raises:
        ValueError: too long, nested too deeply, not JSON, or not an object at the top level.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"message of {len(text)} characters is longer than {MAX_CHARACTERS}")
    try:
        value = _finite(json.loads(text))
    except RecursionError as error:
        raise ValueError("message is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f"message is a JSON {type(value).__name__}, not an object")
    return value


def encode(value: object) -> str:
    """Compact JSON.

    Raises:
        ValueError: a number in it is not finite.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return value
