"""What a session needs of a machine, one check each: returns what it found, raises a RoveError that says what to do."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys

from ..errors import MissingDependency
from ..sessions.ros_environment import (
    PROFILE,
    PROFILE_NAMES,
    PROFILES,
    RANGE,
    TRANSPORTS,
    prepare_ros,
    ros_defaults,
    uses_fast_dds,
)

LEAST_FREE_GB, PLENTY_GB = 1.0, 20.0
PORTS = {8080: "--console-port 0", 8443: "--headset-port 0"}
"""Ports of a session with the option that takes another."""
PRIORITY = 50


def python_version() -> str:
    return f"{platform.python_version()} in {sys.prefix}"


def ros() -> str:
    """A message through the middleware that sessions use."""
    prepare_ros()
    try:
        from ..robot_io.ros_check import ros_answers
    except ImportError as error:
        raise MissingDependency(f"{error}: pip install 'rove_teleop[ros]', or source your ROS 2") from error
    return ros_answers()


def rendering() -> str:
    """One picture without a display."""
    from ..sim.render_check import draws

    return draws()


def openxr() -> str:
    """The runtime with the headset it has now."""
    from ..tracking.openxr.runtime import Runtime

    runtime = Runtime()
    name, tracks_hands = runtime.name, runtime.tracks_hands
    runtime.close()
    if not tracks_hands:
        raise MissingDependency(f"{name} tracks no hands here: controllers work; for hands, switch hand tracking on")
    return f"{name}, headless, with hand tracking"


def real_time() -> str:
    """The priority that the control loop asks for. The calling process keeps it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except PermissionError as error:
        raise MissingDependency(
            "no SCHED_FIFO for this user, so other programs can hold up control: write "
            f"'{_user()} - rtprio {PRIORITY}' to /etc/security/limits.d/rove.conf and log in again"
        ) from error
    return f"SCHED_FIFO {PRIORITY} allowed, {os.cpu_count()} cores"


def transports() -> str:
    """Shared memory of Fast DDS: a process of root is not heard by others, without any error."""
    added, chosen = ros_defaults(os.environ), os.environ.get(TRANSPORTS, "")
    if PROFILES in added or os.environ.get(PROFILES) == str(PROFILE):
        return "UDP on loopback only: nothing leaves this machine"
    if not uses_fast_dds(os.environ):
        return f"{os.environ['RMW_IMPLEMENTATION']} decides"
    if any(os.environ.get(name) for name in PROFILE_NAMES):
        return "a profile of yours decides"
    if chosen not in ("", "UDPv4"):
        raise MissingDependency(
            f"{TRANSPORTS}={chosen}: messages of a root process do not reach other users, without an error; unset it "
            "or set it to UDPv4"
        )
    reach = os.environ.get(RANGE) or added[RANGE]
    if reach == "LOCALHOST":
        return f"Fast DDS uses shared memory with {RANGE}=LOCALHOST: unset it, or run all of a session as one user"
    return f"UDP, {RANGE}={reach}"


def disk() -> str:
    free_gb = shutil.disk_usage(".").free / 1e9
    if not free_gb >= LEAST_FREE_GB:
        raise MissingDependency(f"{free_gb:.1f} GB free here: make room, or record elsewhere with --dataset")
    return f"{free_gb:.0f} GB free here" + ("" if free_gb >= PLENTY_GB else ", enough for a short session only")


def ports() -> str:
    taken = [port for port in PORTS if not _is_free(port)]
    if taken:
        what = ", ".join(f"{port} ({PORTS[port]} takes a free one)" for port in taken)
        raise MissingDependency(f"in use by another program: {what}")
    return f"{' and '.join(str(port) for port in PORTS)} are free"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _user() -> str:
    return os.environ.get("USER") or str(os.getuid())
