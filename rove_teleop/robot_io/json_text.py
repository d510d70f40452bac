"""JSON in a std_msgs/String: an object, or a refusal; nothing that anybody publishes ends the process that hears it."""

from __future__ import annotations

import json
from typing import Any

from ..errors import MessageRefused


def read_object(text: str) -> dict[str, Any]:
    """The object that ``text`` holds.

    Raises:
        MessageRefused: it is no JSON, nested without end, or no object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageRefused("not_json", f"{text[:60]!r} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise MessageRefused("not_json", f"{text[:60]!r} is not a JSON object")
    return value


def read_number(text: str, key: str) -> float:
    """The number under ``key`` of the object in ``text``, not finite where that says so.

    Raises:
        MessageRefused: no object, nothing under that key, or no number of this size.
    """
    try:
        return float(read_object(text)[key])
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise MessageRefused("not_json", f"{text[:60]!r} has no number '{key}' ({error})") from error
