"""What it costs that a policy runs elsewhere: round trip minus the same policy in this process, on loopback.

    python benchmarks/policy/remote.py [--json FILE]

The server is another process; a question has 7 joints and one picture of 224 x 224 (150 KB), 20 a second, asleep
in between as in a session. Where `.cache/peers-policy` exists, openpi's own client asks the same server in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from rove_teleop.policy.local import load_policy, shipped_checkpoint
from rove_teleop.policy.opening import open_policy
from rove_teleop.policy.protocol import Observation, Plan
from rove_teleop.policy.remote.door import Door
from rove_teleop.policy.remote.served import Served
from rove_teleop.policy.remote.server import PolicyServer
from rove_teleop.robots.description import load_robot

PERIOD_S, TURN, TARGET_MS = 0.05, 20, 3.0
OPENPI_PYTHON = Path(__file__).parents[2] / ".cache/peers-policy/bin/python"
ROBOT = load_robot("iron_r01")
OPENPI_CLIENT = """
import sys, time, numpy as np
from openpi_client.websocket_client_policy import WebsocketClientPolicy
client = WebsocketClientPolicy("127.0.0.1", int(sys.argv[1]))
question = client.get_server_metadata()["example_observation"]
picture = np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8)
for line in sys.stdin:
    for _ in range(int(line)):
        time.sleep(float(sys.argv[2]))
        begun_s = time.perf_counter()
        client.infer({**question, "observation/images/ego": picture.copy()})
        print(time.perf_counter() - begun_s, flush=True)
"""


class Looking:
    """The shipped policy, which does not look at its picture: only the way counts."""

    def __init__(self) -> None:
        self._policy = load_policy(shipped_checkpoint("toaster"), ROBOT)
        self.header, self.execute_s = self._policy.header, self._policy.execute_s
        self.cameras, self.problem = ("ego",), None

    @property
    def refused(self) -> Counter[str]:
        return self._policy.refused

    def act(self, observation: Observation) -> Plan | None:
        return self._policy.act(observation)

    def reset(self, seed: int) -> None:
        self._policy.reset(seed)


def serve() -> None:
    """The other process."""
    header = Looking().header
    served = Served(
        "shipped", header.task, "toast", ROBOT, header.joint_names, header.feature_names,
        header.step_s, header.horizon, header.execute, ("ego",), 224,
    )  # fmt: skip
    server = PolicyServer(served, Looking, Door(port=0))
    asyncio.run(server.run(lambda url: print(url, flush=True), asyncio.Event()))


def time_ours(policy: object, observation: Observation, count: int) -> list[float]:
    """Seconds per question, asleep before each."""
    found = []
    for _ in range(count):
        time.sleep(PERIOD_S)
        begun_s = time.perf_counter()
        plan = policy.act(observation)
        found.append(time.perf_counter() - begun_s if plan is not None else np.inf)
    return found


def measure(url: str, rounds: int) -> dict[str, list[float]]:
    local, remote = Looking(), open_policy(url, ROBOT)
    names = local.header.feature_names
    picture = np.random.default_rng(0).integers(0, 255, (224, 224, 3), dtype=np.uint8)
    seen = Observation(
        0.0, ROBOT.home_rad, ROBOT.home_rad, names, np.zeros(len(names)), {"ego": picture}, "toast"
    )  # fmt: skip
    peer = None
    if OPENPI_PYTHON.is_file():
        command = [str(OPENPI_PYTHON), "-c", OPENPI_CLIENT, url.rpartition(":")[2], str(PERIOD_S)]
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    found: dict[str, list[float]] = {"in process": [], "remote": [], "openpi's client": []}
    for k in range(rounds + 1):
        taken = {"in process": time_ours(local, seen, TURN), "remote": time_ours(remote, seen, TURN)}
        if peer is not None:
            peer.stdin.write(f"{TURN}\n")
            peer.stdin.flush()
            taken["openpi's client"] = [float(peer.stdout.readline()) for _ in range(TURN)]
        for name, times in taken.items():
            # The first round warms up.
            found[name] += times if k else []
    if peer is not None:
        peer.stdin.close()
        peer.wait()
    remote.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=10, help=f"of {TURN} questions each (default %(default)s)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.serve:
        serve()
        return 0
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            found = measure(server.stdout.readline().strip(), options.rounds)
        finally:
            server.kill()
    result: dict[str, object] = {"questions": len(found["remote"]), "load": os.getloadavg()[0]}
    for name, times in found.items():
        if times:
            p50, p95 = np.percentile(1e3 * np.array(times), (50, 95), method="higher")
            result[name] = {"p50_ms": round(p50, 3), "p95_ms": round(p95, 3)}
            print(f"{name:16} p50 {p50:6.2f} ms  p95 {p95:6.2f} ms")
    overhead_ms = 1e3 * float(np.median(found["remote"]) - np.median(found["in process"]))
    result["overhead_p50_ms"] = round(overhead_ms, 3)
    print(f"overhead p50 {overhead_ms:.2f} ms (target {TARGET_MS:g} ms), load {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    return 0 if overhead_ms <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
