"""Logs of the real control loop, as a session records them: episodes in virtual time, with losses and odd requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rove_teleop.control.tick_row import TickRow
from rove_teleop.episodes.check.log import Log
from rove_teleop.episodes.layout import control_dtype
from rove_teleop.episodes.record.records import ChunkRecord
from rove_teleop.handover.states import EPISODE_STATES, Signal, State
from rove_teleop.sessions.session import SessionOptions, episode_attributes
from rove_teleop.sim.tasks import make_task
from rove_teleop.types import Event

from ..test_control_loop import DT, ROBOT, N, Rig
from .recording_tools import jpeg

ROW = control_dtype(N, len(ROBOT.groups))
WISHES = {
    State.IDLE: Signal.START, State.DONE: Signal.START, State.FAULT: Signal.ACKNOWLEDGE,
    State.AUTONOMOUS: Signal.PAUSE, State.PAUSED: Signal.TAKE_OVER, State.HOLD: Signal.TAKE_OVER,
    State.ADAPTATION: Signal.RECOVERED, State.RECOVERY: Signal.GIVE_BACK,
}  # fmt: skip


class LoggedRig(Rig):
    """The rig of the control loop's tests; keeps the rows and events of each episode."""

    def __init__(self, seed: int = 0, takeover: str = "blend", protocol: str = "hand_back", **options: Any) -> None:
        super().__init__(seed=seed, takeover=takeover, protocol=protocol, **options)
        words = SessionOptions(dataset=Path("none"), takeover=takeover, protocol=protocol)
        attributes = episode_attributes(words, ROBOT, make_task("toaster"), "test", seed)
        self.attributes = {**attributes, "status": "complete", "ticks_lost": 0, "outcome": "unknown"}
        self.loop.rewind_s = 0.3
        self.episodes: list[tuple[list[bytes], list[Event]]] = []
        self._packer = TickRow(N, len(ROBOT.groups))

    def tick(self, ticks: int = 1):
        for _ in range(ticks):
            result = super().tick()
            begins = any(event.kind == "state" and event.detail.endswith("started") for event in result.events)
            if begins or not self.episodes:
                self.episodes.append(([], []))
            rows, events = self.episodes[-1]
            if result.state in EPISODE_STATES:
                rows.append(self._packer.pack(result, len(self.episodes), len(rows), 1.7e9 + self.now_s))
            events += result.events
        return result

    def logs(self) -> list[Log]:
        """One per episode that has rows."""
        return [self._log(rows, events) for rows, events in self.episodes if rows]

    def _log(self, rows: list[bytes], events: list[Event]) -> Log:
        table = np.frombuffer(b"".join(rows), ROW)
        control = {f"control/{name}": table[name].copy() for name in ROW.names}
        attributes = {**self.attributes, "rows": len(rows), "frames": {"ego": 3}, "frames_lost": {"ego": 0}}
        return Log(attributes | {"frames_duplicated": {"ego": 0}}, {**control, **other_streams()}, tuple(events))


def other_streams() -> dict[str, np.ndarray]:
    """Three images, two chunks, an opinion and no tracking."""
    from rove_teleop.episodes.record.contents import _failure, _policy
    from rove_teleop.episodes.record.journal import crc32c
    from rove_teleop.episodes.record.records import FailureRecord

    images = [jpeg(k) for k in range(3)]
    length = np.array([len(image) for image in images])
    chunks = [ChunkRecord(100.0 + k, 1.7e9, np.arange(4) * 0.05, np.arange(2), np.zeros((4, 2))) for k in range(2)]
    policy = _policy([chunk.pack() for chunk in chunks])
    failure = _failure([FailureRecord(100.0, 0.5, 0.9, False, "no_progress").pack()])
    return {
        **{f"policy/{name}": array for name, array in policy.items()},
        **{f"failure/{name}": array for name, array in failure.items()},
        "tracking/engaged": np.zeros(0, np.uint8),
        "cameras/ego/jpeg": np.frombuffer(b"".join(images), np.uint8).copy(),
        "cameras/ego/offset": np.cumsum(length) - length,
        "cameras/ego/length": length,
        "cameras/ego/jpeg_crc32c": np.array([crc32c(image) for image in images]),
        "cameras/ego/capture_s": 1.7e9 + np.arange(3.0),
        "cameras/ego/receive_s": 100.0 + np.arange(3.0),
        "cameras/ego/sequence": np.arange(3, dtype=np.uint32),
    }


def anything(seed: int, steps: int = 60, **options: Any) -> LoggedRig:
    """Requests, losses, bad targets, pauses of the loop and lowered speeds, in any order."""
    rng = np.random.default_rng(seed)
    rig = LoggedRig(
        seed, str(rng.choice(["anchored", "blend", "aligned"])), str(rng.choice(["complete", "hand_back", "end"]))
    )
    rig.loop.deadman_takes_over = bool(rng.random() < 0.3)
    groups = list(ROBOT.groups)
    rig.tick(40)
    for _ in range(steps):
        state, choice = rig.loop.handover.state, rng.random()
        if choice < 0.45:
            rig.ask(WISHES.get(state, Signal.GIVE_BACK))
        elif choice < 0.6:
            some = [group for group in groups if rng.random() < 0.5]
            rig.loop.request(Signal(str(rng.choice(list(Signal)[:11]))), rig.now_s, some or None)
        elif choice < 0.75:
            what = str(rng.choice(["policy_on", "operator_on", "robot_on", "engaged"]))
            setattr(rig, what, not getattr(rig, what))
        elif choice < 0.8:
            rig.now_s += round(float(rng.choice([0.05, 0.15, 2.0])) / DT) * DT
        elif choice < 0.85:
            wild = float(rng.choice([np.nan, np.inf, 1e308, 9.0]))
            rig.still_operator = np.where(rng.random(N) < 0.3, wild, rig.q) if rig.still_operator is None else None
        elif choice < 0.88:
            rig.loop.scale_speed(float(rng.uniform(0.2, 1.0)), rig.now_s)
        else:
            rig.policy_on = rig.operator_on = rig.robot_on = rig.engaged = True
        if state in (State.PAUSED, State.HOLD) and rng.random() < 0.2:
            rig.tick(130)
            rig.ask(Signal.REWIND)
        rig.tick(int(rng.integers(1, 120)))
    return rig
