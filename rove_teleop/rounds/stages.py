"""Stages of a run that can be killed anywhere: a result is written once, by rename, with what it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..clock import monotonic_s
from ..episodes.durability import write_durable_json
from ..errors import DatasetInvalid, UsageError


class Stages:
    """The stages of one run folder; how long each took when it was made is kept in ``timing.json``."""

    def __init__(self, out: Path) -> None:
        self._timing = out / "timing.json"

    def result(self, path: Path, inputs: Mapping[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result in ``path`` when it is there and was made from ``inputs``; otherwise it is made and written.

        Raises:
            UsageError: it was made from something else: nothing is made over it.
            DatasetInvalid: the file is damaged.
        """
        wanted = json.loads(json.dumps(inputs))
        if path.exists():
            return _checked(path, wanted)
        begun_s = monotonic_s()
        result = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durable_json(path, {"inputs": wanted, "result": result})
        self._note(f"{path.parent.name}/{path.stem}", monotonic_s() - begun_s)
        return result

    def _note(self, stage: str, took_s: float) -> None:
        known = json.loads(self._timing.read_text(encoding="utf-8")) if self._timing.exists() else {}
        write_durable_json(self._timing, {**known, stage: round(took_s, 2)})


def _checked(path: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        before, result = told["inputs"], dict(told["result"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetInvalid(f"{path}: cannot be read ({error}); remove it to make it again") from error
    if before != inputs:
        keys = [key for key in {**before, **inputs} if before.get(key) != inputs.get(key)]
        raise UsageError(f"{path}: was made with another {', '.join(sorted(keys))}; choose another folder")
    return result
