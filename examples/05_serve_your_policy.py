"""Serve a policy of your own to a session, and to every other client of openpi's protocol.

    python examples/05_serve_your_policy.py            # prints ws://127.0.0.1:8000
    rove collect --sim --policy ws://127.0.0.1:8000    # in another terminal

Put your model into `act`: joints, pictures and words in, absolute joint positions of the next moments out.
"""

import asyncio
import sys
from collections import Counter
from contextlib import suppress

import numpy as np

from rove_teleop.policy.protocol import Observation, Plan
from rove_teleop.policy.remote.door import Door
from rove_teleop.policy.remote.served import Served
from rove_teleop.policy.remote.server import PolicyServer
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
ARM = ROBOT.groups["right_arm"]
STEP_S, ROWS, USED = 0.05, 16, 8


class Waving:
    """Turns the forearm to and fro, whatever it sees."""

    execute_s, cameras, problem = STEP_S * USED, ("ego",), None

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()

    def act(self, observation: Observation) -> Plan | None:
        offset_s = STEP_S * np.arange(1, ROWS + 1)
        q_rad = np.tile(ROBOT.home_rad[ARM], (ROWS, 1))
        q_rad[:, 4] += 0.2 * np.sin(2.0 * (observation.stamp_s + offset_s))
        return Plan(offset_s, np.asarray(ARM), q_rad)

    def reset(self, seed: int) -> None:
        """Nothing is remembered from one episode to the next."""


def main(port: int) -> None:
    served = Served(
        policy="waving:1", task="toaster", instruction="wave", robot=ROBOT,
        joint_names=tuple(ROBOT.joint_names[i] for i in ARM), feature_names=(),
        step_s=STEP_S, horizon=ROWS, execute=USED, cameras=("ego",), image_size=224,
    )  # fmt: skip
    server = PolicyServer(served, Waving, Door(port=port))
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        asyncio.run(server.run(lambda url: print(url, flush=True), asyncio.Event()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
