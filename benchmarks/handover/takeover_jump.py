"""The jump of the command at takeovers and returns, beside a direct switch, with both sides moving at full speed.

    .venv/bin/python benchmarks/handover/takeover_jump.py --switches 1000 [--json]

The measure is HandITL's: the mean over joints of how far the command changes in the first tick after the switch, beside
what it would change if the new source's pose were sent at once. In ``anchored`` the operator's targets are relative to
the robot's pose at the switch, as the operator process makes them; in ``absolute`` they are a pose of their own and
only the blend is between them and the robot. A robot that is taken while it moves goes on moving: ``beyond motion`` is
the part of the first tick's change that going on with the same velocity and acceleration does not explain.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from rove_teleop.control.motion_path import OPERATOR
from rove_teleop.control_loop import ControlLoop
from rove_teleop.handover.handover import TakeoverMode
from rove_teleop.handover.states import Signal
from rove_teleop.robots.description import RobotDescription, load_robot
from rove_teleop.types import ActionChunk, Array, JointTargets, RobotState

PEAK_SPEED, REPLAN_S, OPERATOR_S = 0.9, 0.4, 1.0 / 72.0


@dataclass
class Jumps:
    """One entry per switch, means over joints: direct [rad], first tick [rad], beyond motion [rad]."""

    direct_rad: list[float] = field(default_factory=list)
    change_rad: list[float] = field(default_factory=list)
    beyond_rad: list[float] = field(default_factory=list)

    def figures(self, authority_s: list[float]) -> dict[str, float]:
        direct, change, beyond = (np.array(x) for x in (self.direct_rad, self.change_rad, self.beyond_rad))
        return {
            "switches": len(direct),
            "direct_rad": float(direct.mean()),
            "change_rad": float(change.mean()),
            "ratio": float(change.mean() / direct.mean()),
            "worst_ratio": float(np.max(change / direct)),
            "beyond_motion_ratio": float(beyond.mean() / direct.mean()),
            "median_time_to_authority_s": float(np.median(authority_s)) if authority_s else float("nan"),
        }


class Bench:
    """A robot that is where it was told to be, and two independent streams near its velocity limits."""

    def __init__(self, robot: RobotDescription, takeover: TakeoverMode, anchored: bool, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.robot, self.anchored = robot, anchored
        self.loop = ControlLoop(robot, takeover, "hand_back")
        span = robot.q_max_rad - robot.q_min_rad
        self.middle = robot.q_min_rad + span * self.rng.uniform(0.4, 0.6, (2, robot.joint_count))
        # A sine at this amplitude uses at most 0.9 of the velocity and of the acceleration limit.
        reach = np.maximum(PEAK_SPEED * robot.v_max_rad_s**2 / robot.a_max_rad_s2, 0.05 * span)
        self.amplitude = np.minimum(reach, 0.35 * span)
        rate = PEAK_SPEED * robot.v_max_rad_s / self.amplitude
        self.rate = np.minimum(rate, np.sqrt(PEAK_SPEED * robot.a_max_rad_s2 / self.amplitude))
        self.angle = self.rng.uniform(0.0, 6.28, (2, robot.joint_count))
        self.now_s, self.ticks = 10.0, 0
        self.q = np.clip(robot.home_rad, robot.q_min_rad, robot.q_max_rad)
        self.anchor = np.zeros(robot.joint_count)
        self.sent = [self.q] * 3
        self.peaks = np.zeros(3)
        self.authority_s: dict[str, list[float]] = {"takeover": [], "return": []}

    def stream(self, k: int, time_s: float) -> Array:
        wave = np.sin(self.rate * time_s + self.angle[k])
        return np.clip(self.middle[k] + self.amplitude * wave, self.robot.q_min_rad, self.robot.q_max_rad)

    def operator(self) -> Array:
        """The operator's targets: a pose of their own, or relative to where the robot was when they began to drive."""
        raw = self.stream(1, self.now_s)
        if not self.anchored:
            return raw
        if not np.any(self.loop.path.driver == OPERATOR) and self.loop.handover.driver != "operator":
            self.anchor = self.q - raw
        return raw + self.anchor

    def tick(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.ticks += 1
            self.now_s += self.robot.dt_s
            self._feed()
            tick = self.loop.tick(self.now_s)
            for card in (json.loads(event.detail) for event in tick.events if event.kind == "handover"):
                self.authority_s[card["kind"]].append(card["time_to_authority_s"])
            if tick.q_sent_rad is not None:
                self.q = tick.q_sent_rad
                self._measure()

    def _feed(self) -> None:
        n, dt = self.robot.joint_count, self.robot.dt_s
        self.loop.on_robot_state(RobotState(self.now_s, self.q, np.zeros(n)))
        if self.ticks % round(REPLAN_S / dt) == 1:
            offset_s = np.arange(16) * 0.05
            plan = np.array([self.stream(0, self.now_s + o) for o in offset_s])
            self.loop.on_chunk(ActionChunk(self.now_s, offset_s, np.arange(n), plan))
        if self.ticks % round(OPERATOR_S / dt) == 0:
            self.loop.on_deadman(True, self.now_s)
            self.loop.on_operator(JointTargets(self.now_s, self.operator(), np.ones(n, dtype=bool)))

    def _measure(self) -> None:
        self.sent = [*self.sent[-3:], self.q]
        log, robot = np.array(self.sent), self.robot
        for k, limit in enumerate((robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3)):
            ratio = np.abs(np.diff(log, k + 1, axis=0)[-1]) / robot.dt_s ** (k + 1) / limit
            self.peaks[k] = max(self.peaks[k], float(ratio.max()))

    def ask(self, signal: Signal) -> None:
        refusal = self.loop.request(signal, self.now_s)
        if refusal is not None:
            raise RuntimeError(refusal)

    def switch(self, signal: Signal, k: int, jumps: Jumps) -> None:
        """Ask, tick once, and note what the first tick did; ``k``: the stream that takes over."""
        before = self.q
        velocity = before - self.sent[-2]
        acceleration = velocity - (self.sent[-2] - self.sent[-3])
        self.ask(signal)
        self.tick()
        direct = np.abs(self.stream(k, self.now_s) - before)
        jumps.direct_rad.append(float(direct.mean()))
        jumps.change_rad.append(float(np.mean(np.abs(self.q - before))))
        jumps.beyond_rad.append(float(np.mean(np.abs(self.q - before - velocity - acceleration))))


def measure(
    robot: RobotDescription, takeover: TakeoverMode, anchored: bool, switches: int, seed: int
) -> dict[str, Any]:
    """Takeovers and returns, half of ``switches`` each, at random moments."""
    bench, takes, returns = Bench(robot, takeover, anchored, seed), Jumps(), Jumps()
    bench.tick(60)
    bench.ask(Signal.START)
    bench.tick(300)
    name = f"{takeover}, {'relative' if anchored else 'absolute'} operator"
    for _ in track(range(switches // 2), description=name, console=Console(stderr=True), transient=True):
        if takeover != "blend":
            bench.ask(Signal.PAUSE)
            bench.tick(200)
        bench.switch(Signal.TAKE_OVER, 1, takes)
        bench.tick(int(bench.rng.integers(1, 700)))
        bench.switch(Signal.GIVE_BACK, 0, returns)
        bench.tick(int(bench.rng.integers(1, 700)))
    peaks = dict(zip(("velocity", "acceleration", "jerk"), bench.peaks.tolist(), strict=True))
    return {
        "takeover": takes.figures(bench.authority_s["takeover"]),
        "return": returns.figures(bench.authority_s["return"]),
        "peak_of_limit": peaks,
    }


def show(results: dict[str, dict[str, Any]]) -> None:
    table = Table(title="First tick of the command, mean over joints, beside a direct switch")
    for column in (
        "",
        "switches",
        "direct rad",
        "change rad",
        "ratio",
        "worst",
        "beyond motion",
        "authority s",
        "peak jerk",
    ):
        table.add_column(column, justify="right")
    for name, result in results.items():
        for kind in ("takeover", "return"):
            f = result[kind]
            table.add_row(
                f"{kind}: {name}", str(f["switches"]), f"{f['direct_rad']:.3f}", f"{f['change_rad']:.2e}",
                f"{f['ratio']:.1e}", f"{f['worst_ratio']:.1e}", f"{f['beyond_motion_ratio']:.1e}",
                f"{f['median_time_to_authority_s']:.2f}", f"{result['peak_of_limit']['jerk']:.9f}",
            )  # fmt: skip
    Console(width=140).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switches", type=int, default=1000, help="per row of the table (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    robot = load_robot("iron_r01")
    results = {
        "anchored, robot paused": measure(robot, "anchored", True, options.switches, options.seed),
        "absolute, robot paused": measure(robot, "anchored", False, options.switches, options.seed + 1),
        "absolute, robot moving": measure(robot, "blend", False, options.switches, options.seed + 2),
    }
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        show(results)
    held = all(peak <= 1.0 + 1e-9 for result in results.values() for peak in result["peak_of_limit"].values())
    small = results["anchored, robot paused"]["takeover"]["ratio"] <= 1e-4
    return 0 if held and small else 1


if __name__ == "__main__":
    sys.exit(main())
