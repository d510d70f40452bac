"""A node started by hand talks on loopback only and leaves nothing in shared memory, also when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")
from sensor_msgs.msg import JointState

from rove_teleop.sessions.ros_environment import CHOICES

from .ros_watch import Watcher

# Linux has /proc/net/udp, and with it CI; elsewhere there is nothing to read sockets from.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(60),
    pytest.mark.skipif(not Path("/proc/net/udp").exists(), reason="reads sockets from /proc"),
]
DOMAIN = 42


def shared_files(process: subprocess.Popen[bytes]) -> set[str]:
    """Files of Fast DDS in shared memory that the process has mapped."""
    maps = Path(f"/proc/{process.pid}/maps").read_text().split()
    return {word for word in maps if word.startswith(("/dev/shm/fastdds", "/dev/shm/fastrtps", "/dev/shm/sem.fastdds"))}


def bound_addresses(process: subprocess.Popen[bytes]) -> set[str]:
    """Local IPv4 addresses of its UDP and TCP sockets; one of IPv6 counts as it is written."""
    links = [os.readlink(fd) for fd in Path(f"/proc/{process.pid}/fd").iterdir() if fd.is_symlink()]
    own = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("udp", "tcp", "udp6", "tcp6"):
        for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in own:
                address = fields[1].split(":")[0]
                octets = bytes.fromhex(address)[::-1] if len(address) == 8 else None
                found.add(".".join(map(str, octets)) if octets else address)
    return found


def by_hand(log: Path, **chosen: str) -> subprocess.Popen[bytes]:
    """The simulated robot as somebody starts it in a shell without any ROS variable but the domain."""
    environment = {name: value for name, value in os.environ.items() if name not in (*CHOICES, "RMW_IMPLEMENTATION")}
    environment |= {"ROS_DOMAIN_ID": str(DOMAIN), **chosen}
    with log.open("wb") as file:
        command = [sys.executable, "-m", "rove_teleop.nodes.sim_robot", "--autostart"]
        return subprocess.Popen(command, stdout=file, stderr=file, env=environment)


def watch_until_joints(log: Path) -> None:
    watcher = Watcher(DOMAIN)
    try:
        watcher.listen(JointState, "joint_states")
        assert watcher.spin_until(lambda: "joint_states" in watcher.latest, 25.0), log.read_text()
    finally:
        watcher.close()


def test_a_node_by_hand_is_heard_on_loopback_only(tmp_path: Path) -> None:
    before = set(os.listdir("/dev/shm"))
    node = by_hand(tmp_path / "log")
    try:
        watch_until_joints(tmp_path / "log")
        # The multicast group is that of discovery; the node has joined it on the loopback interface.
        assert bound_addresses(node) == {"127.0.0.1", "239.255.0.1"}
        assert shared_files(node) == set()
    finally:
        node.kill()
        node.wait()
    print(f"files in /dev/shm of anybody since the start: {sorted(set(os.listdir('/dev/shm')) - before)}")


def test_what_the_test_above_looks_for_is_there_without_the_profile(tmp_path: Path) -> None:
    """A user's choice is kept, and with it come shared memory and sockets on every interface."""
    node = by_hand(tmp_path / "log", ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
    try:
        watch_until_joints(tmp_path / "log")
        # The control of this file: what must never be found with our profile can be found at all.
        assert "0.0.0.0" in bound_addresses(node)
        assert shared_files(node)
    finally:
        node.terminate()
        node.wait(timeout=10)
