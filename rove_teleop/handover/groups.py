"""Which joint groups a takeover takes, as people write it."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import UsageError


def read_groups(text: str, known: Collection[str]) -> tuple[str, ...] | None:
    """Names with commas between, in any order and each once; empty means all groups, which is None.

    Raises:
        UsageError: a name is not one of ``known``; the message lists them.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in known:
            raise UsageError(f"'{name}' is no joint group of this robot (it has {', '.join(known)})")
    return names or None
