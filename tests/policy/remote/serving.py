"""Servers that these tests are answered by: a real one of ours, and strangers who behave as they are told."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from rove_teleop.policy.protocol import Observation, Plan
from rove_teleop.policy.remote.door import Door
from rove_teleop.policy.remote.encoding import pack, unpack
from rove_teleop.policy.remote.served import Served
from rove_teleop.policy.remote.server import PolicyServer
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
JOINTS = tuple(ROBOT.joint_names[i] for i in ROBOT.groups["right_arm"])
INDEX = np.array([ROBOT.joint_names.index(name) for name in JOINTS])
HOME_RAD = ROBOT.home_rad[INDEX]
SAID = {"joint_names": list(JOINTS), "step_s": 0.05, "horizon": 16, "execute": 8}
PICTURE = np.zeros((48, 64, 3), np.uint8)
SERVED = Served("test:1", "toaster", "toast the bread", ROBOT, JOINTS, ("gap", "ink"), 0.05, 6, 3)


class Leaning:
    """A policy whose plan leans from the measured joints by the first feature, and counts questions since a reset."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.execute_s, self.cameras, self.problem = 0.15, (), None
        self.asked = 0

    def act(self, observation: Observation) -> Plan | None:
        if not np.isfinite(observation.q_measured_rad).all():
            self.refused["observation not finite"] += 1
            return None
        self.asked += 1
        lean_rad = observation.q_measured_rad[INDEX] + observation.features[0] * np.linspace(0.1, 0.2, 6)[:, None]
        offset_s, seen = 0.05 * np.arange(1.0, 7.0), np.array([observation.stamp_s, observation.delay_s])
        return Plan(offset_s, INDEX, lean_rad, 0.2, seen, float(self.asked))

    def reset(self, seed: int) -> None:
        self.asked = 0


@contextmanager
def our_server(served: Served = SERVED, make_policy=Leaning, **door: object) -> Iterator[str]:
    """`rove serve-policy`'s server on a thread; yields its URL."""
    server = PolicyServer(served, make_policy, Door(port=0, **door))
    ready, url, loop, stop = threading.Event(), [], asyncio.new_event_loop(), asyncio.Event()

    def say(text: str) -> None:
        url.append(text)
        ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(server.run(say, stop)))
    thread.start()
    try:
        assert ready.wait(5.0)
        yield url[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@contextmanager
def stranger(behave: Callable[[ServerConnection, int], None], port: int = 0) -> Iterator[str]:
    """A server that does ``behave(connection, number)`` with each connection, counted from 1; yields its URL."""
    count = [0]

    def handle(connection: ServerConnection) -> None:
        count[0] += 1
        try:
            behave(connection, count[0])
        except ConnectionClosed:
            # The client left.
            return

    with serve(handle, "127.0.0.1", port, compression=None, max_size=None, close_timeout=0.1) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def answers(*replies: object, said: dict[str, object] = SAID) -> Callable[[ServerConnection, int], None]:
    """Say ``said``, then give one reply after the other: a map, raw bytes or text; functions get question and link."""

    def behave(connection: ServerConnection, number: int) -> None:
        connection.send(pack(said))
        for reply in replies:
            question = unpack(connection.recv())
            if callable(reply):
                reply = reply(question, connection)
            if reply is not None:
                connection.send(pack(reply) if isinstance(reply, dict) else reply)
        for _ in connection:
            # Nothing more is answered.
            continue

    return behave


def good(question: dict, connection: ServerConnection | None = None) -> dict[str, object]:
    """A plan that stays where the robot is."""
    return {"actions": np.tile(question["observation/state"], (16, 1))}


def observation(q_rad=ROBOT.home_rad, features=(0.5, 0.0), images=None) -> Observation:
    return Observation(0.0, q_rad, q_rad, ("gap", "ink"), np.array(features), images or {}, "toast the bread")
