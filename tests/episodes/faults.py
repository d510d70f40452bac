"""A disk that fails: the n-th file operation of a piece of work is refused, or takes only a part."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rove_teleop.episodes import durability

OPERATIONS = ("write", "fsync", "fdatasync", "rename", "link", "mkdir", "truncate", "open")
FAULTS = ("ENOSPC", "EIO", "short")


class FaultyDisk:
    """Counts file operations of this process and fails number ``n`` (from 0), and every write after a full disk."""

    def __init__(self, fault: str, n: int) -> None:
        self.fault, self.n, self.count = fault, n, 0
        self.struck: str | None = None

    def patched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **named: Any) -> Any:
            number, self.count = self.count, self.count + 1
            if number != self.n:
                return real(*arguments, **named)
            self.struck = name
            if self.fault == "short" and name == "write":
                return real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            code = errno.EIO if self.fault == "short" else getattr(errno, self.fault)
            raise OSError(code, os.strerror(code))

        return operation

    def syncfs(self, fd: int) -> int:
        number, self.count = self.count, self.count + 1
        if number == self.n:
            self.struck = "syncfs"
            return -1
        return 0


@contextmanager
def faulty_disk(fault: str, n: int) -> Iterator[FaultyDisk]:
    """While this lasts, operation ``n`` of every thread of this process fails."""
    disk = FaultyDisk(fault, n)
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, disk.patched(name, getattr(os, name)))
        patch.setattr(durability, "_LIBC", disk)
        yield disk
