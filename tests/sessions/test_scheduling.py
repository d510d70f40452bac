"""Niceness and slices as the kernel reports them, of real processes and threads."""

import os
import struct
import subprocess
import sys
import threading
from ctypes import CDLL, create_string_buffer
from pathlib import Path

import pytest

from rove_teleop.sessions import scheduling

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
NUMBER = scheduling._SCHED_SETATTR.get(os.uname().machine)


def slice_ns(thread: int) -> int:
    """The slice of a thread as sched_getattr says it."""
    buffer = create_string_buffer(56)
    assert CDLL(None).syscall(NUMBER + 1, thread, buffer, 56, 0) == 0
    return struct.unpack_from("=Q", buffer.raw, 24)[0]


def asked(code: str) -> list[int]:
    """The slices of all threads of a child that runs ``code``."""
    script = (
        "import os, threading\n"
        "from rove_teleop.sessions.scheduling import ask_for_short_slices\n"
        "from tests.sessions.test_scheduling import slice_ns\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        f"{code}\n"
        "print(*[slice_ns(int(t)) for t in os.listdir('/proc/self/task')], flush=True)\n"
        "os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(NUMBER is None, reason="the number of sched_setattr is known for x86_64 and aarch64")
def test_every_thread_gets_the_short_slice():
    before, after = asked("pass"), asked("ask_for_short_slices()")
    if before[0] == 0:
        pytest.skip("this kernel tells no slices: older than 6.12")
    assert min(before) > 100_000
    assert len(after) >= 2 and set(after) == {100_000}


def test_a_session_of_its_own_steps_back_as_a_whole():
    child = subprocess.Popen(["sleep", "30"], start_new_session=True)
    try:
        scheduling.set_niceness(child.pid, 10)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 10
        group = Path(f"/proc/{child.pid}/autogroup")
        if group.exists() and group.read_text():
            assert group.read_text().split()[-1] == "10"
    finally:
        child.kill()
        child.wait()


def test_a_process_that_leads_no_session_leaves_the_session_alone():
    group = Path("/proc/self/autogroup")
    before = group.read_text() if group.exists() else ""
    child = subprocess.Popen(["sleep", "30"])
    try:
        scheduling.set_niceness(child.pid, 10)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 10
        assert (group.read_text() if group.exists() else "") == before
    finally:
        child.kill()
        child.wait()


def test_who_ended_meanwhile_is_no_error():
    child = subprocess.Popen(["true"])
    child.wait()
    scheduling.set_niceness(child.pid, 10)


def test_stepping_back_takes_every_thread_along():
    script = (
        "import os, threading\n"
        "from rove_teleop.sessions.scheduling import step_back\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "step_back()\n"
        "print(*[os.getpriority(os.PRIO_PROCESS, int(t)) for t in os.listdir('/proc/self/task')], flush=True)\n"
        "os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {str(scheduling.BACKGROUND_NICE)} and len(done.stdout.split()) >= 2


def test_threads_are_all_meant():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert {os.getpid(), thread.native_id} <= set(scheduling._threads(os.getpid()))
    finally:
        stop.set()
        thread.join()
