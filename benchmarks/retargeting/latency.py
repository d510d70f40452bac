"""From a device's datagram to joint targets on a ROS 2 topic, on cores that are busy with something else.

A simulated Xsens suit with fingers sends at 90 Hz to the real operator process; the clock starts before ``sendto`` and
stops when a subscriber in this process has the targets: socket, decoding, gate, retargeting, DDS and all.
Use: python benchmarks/retargeting/latency.py [--seconds 30] [--burners 2] [--json out.json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

RATE_HZ = 90.0
DOMAIN = 77


def burn() -> None:
    """Keep a core busy, as a policy or a recorder would."""
    a = np.random.default_rng(0).normal(size=(200, 200))
    while True:
        a = np.tanh(a @ a.T / 200.0)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(seconds: float) -> np.ndarray:
    """Latencies [s] of every frame whose targets arrived before the next frame was sent."""
    from sensor_msgs.msg import JointState

    from rove_teleop.nodes.support import go_real_time
    from rove_teleop.robots.description import load_robot
    from tests.integration.ros_watch import Watcher, node_process
    from tests.tracking import mocap_packets, mocap_person

    robot, port = load_robot("iron_r01"), free_port()
    watcher = Watcher(DOMAIN)
    arrived: list[float] = []
    watcher.listen(JointState, "operator/targets", use=lambda message: arrived.append(time.monotonic()))
    states = watcher.node.create_publisher(JointState, "joint_states", 1)
    state = JointState(name=list(robot.joint_names), position=robot.home_rad.tolist())
    latencies, sent = [], socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    log = Path(tempfile.mkstemp(suffix=".log")[1])
    with node_process("operator", "--operator", f"xsens:{port}", domain=DOMAIN, log=log):
        go_real_time(30)
        begin_s = time.monotonic()
        for k in range(int((seconds + 12.0) * RATE_HZ)):
            now_s = begin_s + k / RATE_HZ
            time.sleep(max(now_s - time.monotonic(), 0.0))
            swing = 0.3 * np.sin(2.0 * np.pi * 0.4 * k / RATE_HZ)
            joints = mocap_person.pose(arm=(0.0, 0.2 + swing, swing), curl=0.5 + swing)
            datagrams = mocap_packets.xsens(joints, sample=k)
            if k % 3 == 0:
                states.publish(state)
            arrived.clear()
            sent_s = time.monotonic()
            for datagram in datagrams if isinstance(datagrams, list) else [datagrams]:
                sent.sendto(datagram, ("127.0.0.1", port))
            while not arrived and time.monotonic() < sent_s + 0.9 / RATE_HZ:
                watcher.executor.spin_once(timeout_sec=0.002)
            if now_s > begin_s + 12.0:  # the process has started, compiled what it needs and been discovered
                latencies.append(arrived[0] - sent_s if arrived else np.inf)
    return np.array(latencies)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--burners", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    burners = [multiprocessing.get_context("spawn").Process(target=burn, daemon=True) for _ in range(options.burners)]
    for burner in burners:
        burner.start()
    try:
        latency_ms = 1000.0 * measure(options.seconds)
    finally:
        for burner in burners:
            burner.terminate()
    p50, p99, p999 = np.percentile(latency_ms, (50, 99, 99.9), method="higher")
    lost = int(np.count_nonzero(~np.isfinite(latency_ms)))
    result = {"frames": len(latency_ms), "without_targets": lost, "p50_ms": p50, "p99_ms": p99, "p99_9_ms": p999}
    print(f"{len(latency_ms)} frames, {options.burners} busy processes, load {os.getloadavg()[0]:.1f}")
    print(f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, p99.9 {p999:.2f} ms, {lost} frames without targets in time")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
