"""Who gets the processor first in a session where nobody may have a real-time priority."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

from .. import clock

BACKGROUND_NICE = 5
SHORT_SLICE_S = 0.1e-3
"""The shortest that Linux takes."""
# The kernel lets an ordinary user change an autogroup ten times a second, all users together.
_AUTOGROUP_PAUSE_S, _AUTOGROUP_TRIES = 0.1, 10
# The C library has no wrapper for this call; its number is the machine's.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR = struct.Struct("=IIQiIQQQII")


def step_back() -> None:
    """Let others go first from now on: for processes whose lateness costs less than a late command or a lost row.

    To be called when a process is up: niceness would make a start on a busy machine take minutes.
    """
    set_niceness(os.getpid(), BACKGROUND_NICE)


def set_niceness(process_id: int, nice: int) -> None:
    """Give every thread of a process its niceness, and the session that it leads as well.

    On Linux a process that leads a session has a scheduling group of its own (autogroup), outside which its niceness
    counts for nothing; the group has a niceness that does. Where the system has no such group, or refuses (an ordinary
    user may not go below 0), nothing happens.
    """
    for thread in _threads(process_id):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, nice)
    if _leads_a_session(process_id):
        _set_group_niceness(Path(f"/proc/{process_id}/autogroup"), nice)


def _leads_a_session(process_id: int) -> bool:
    try:
        return os.getsid(process_id) == process_id
    except ProcessLookupError:
        return False


def _set_group_niceness(group: Path, nice: int) -> None:
    for _ in range(_AUTOGROUP_TRIES):
        try:
            group.write_text(str(nice))
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return
            clock.sleep_until(clock.monotonic_s() + _AUTOGROUP_PAUSE_S)
        else:
            return


def ask_for_short_slices() -> None:
    """Ask for every thread of this process to run in slices of 0.1 ms, soon after it wakes up; needs no right.

    The scheduler of Linux 6.12 and later then lets it interrupt whatever has a longer slice. Older ones and other
    systems ignore it. Only for threads that work little and often.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or sys.platform != "linux":
        return
    call = ctypes.CDLL(None, use_errno=True).syscall
    for thread in _threads(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            nice = os.getpriority(os.PRIO_PROCESS, thread)
            call(number, thread, _attributes(nice, SHORT_SLICE_S), 0)


def _threads(process_id: int) -> list[int]:
    """Ids of its threads; its own where the system does not list them."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{process_id}/task")]
    except OSError:
        return [process_id]


def _attributes(nice: int, slice_s: float) -> bytes:
    """``struct sched_attr`` of an ordinary thread: size, policy, flags, nice, priority, slice in ns, and the unused."""
    return _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, round(slice_s * 1e9), 0, 0, 0, 0)
