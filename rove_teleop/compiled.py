"""``njit`` for this package: machine code that is kept on disk for the next process, and never outlives its sources.

numba's own cache looks only at the file of the function itself: change a function that another file calls, and the
caller goes on with the old one. So the folder of the cache is named after all compiled sources together.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])
PACKAGE = Path(__file__).resolve().parent


def _digest(room: str) -> str:
    """Hash of the compiled sources of one room, or of all that are outside every such room."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_bytes()
        if b"@njit" in source and _room(path.relative_to(PACKAGE).parts[0]) == room:
            digest.update(source)
    return digest.hexdigest()[:16]


def _room(top: str) -> str:
    """Compiled functions of the retargeting call only each other; all others may call one another."""
    return "retargeting" if top == "retargeting" else "path"


def _cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rove_teleop"


CACHES = {room: _cache_root() / f"{room}-{_digest(room)}" for room in ("retargeting", "path")}


def njit(function: F) -> F:
    """Compile at the first call, or load what an earlier process compiled from the same sources.

    Divisions by zero give infinities, as numpy's do: solvers check their results, and a check per division is dear.
    """
    folder = CACHES[_room(function.__module__.split(".")[1])]
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010  (numba fills its config at import)
    return cast(F, numba.njit(cache=True, error_model="numpy")(function))
