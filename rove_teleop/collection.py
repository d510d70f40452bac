"""One collection session: start the processes, run the episodes, count, and leave nothing behind."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import clock
from .episodes.dataset import Dataset
from .errors import RoveError, StageLost, UsageError
from .handover.states import EPISODE_STATES, Signal, State
from .nodes.session import SessionNode
from .processes import Process, Processes
from .robots.description import RobotDescription, load_robot
from .session import SessionOptions, Summary
from .sim.grasp import GRASP_ASSIST
from .sim.supervisor import SimulatedSupervisor, SupervisorHabits, View
from .sim.tasks import make_task

LOOK_S = 0.05
INTERRUPTED = 130
READY_PATIENCE_S = 40.0
SEAL_PATIENCE_S = 30.0
OUTCOME_WORDS = {Signal.SUCCESS: "success", Signal.FAILURE: "failure", Signal.DISCARD: "discarded"}


Progress = Callable[[Summary, dict[str, object]], None]
"""Called about ten times a second with the counts so far and control's latest status."""


class Collection:
    """Use as a context manager: processes start on entry and stop on exit, whatever happens between."""

    def __init__(self, options: SessionOptions) -> None:
        self.options = options
        self.robot: RobotDescription = load_robot(options.robot)
        self.task = make_task(options.task)
        session_id = secrets.token_hex(4)
        self.summary = Summary(options, self.robot.note, session_id)
        self._first_seed = options.seed if options.seed is not None else len(_dataset(options.dataset).episodes())
        self._supervisor = _supervisor(options)
        self._folder = tempfile.TemporaryDirectory(prefix="rove-")
        self._processes = Processes(options.dataset / "logs" / session_id)
        self._node: SessionNode | None = None
        self._recorder: Process | None = None
        self._recording = "ok"

    def __enter__(self) -> Collection:
        try:
            self._start()
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._processes.stop()
        if self._node is not None:
            self._node.close()
        self._folder.cleanup()

    def run(self, progress: Progress) -> Summary:
        """Run the episodes. A process that ends stops the session loudly; what was recorded stays recorded."""
        try:
            for k in range(self.options.episodes):
                self._episode(k, progress)
        except StageLost as error:
            self.summary.stopped, self.summary.exit_code = str(error), error.exit_code
        except KeyboardInterrupt:
            self.summary.stopped, self.summary.exit_code = "stopped by the user", INTERRUPTED
            self._hold()
        self._take_jitter()
        return self.summary

    # --- start ---

    def _start(self) -> None:
        o, start = self.options, self._processes.start
        socket = Path(self._folder.name) / "rows.sock"
        cameras = ",".join(o.cameras)
        self._recorder = start(
            "recorder",
            "recorder",
            "--dataset",
            str(o.dataset),
            "--socket",
            str(socket),
            "--cameras",
            cameras,
            talks=True,
        )
        if o.simulated_robot:
            start("robot", "sim_robot", "--robot", o.robot, "--task", o.task, "--autostart")
            if o.cameras:
                start("camera", "sim_camera", "--robot", o.robot, "--task", o.task, "--cameras", cameras)
        if o.policy:
            extra = ["--checkpoint", o.checkpoint] if o.checkpoint else []
            start("policy", "policy", "--robot", o.robot, "--task", o.task, *extra)
        if o.operator != "none":
            start(
                "operator", "operator", "--robot", o.robot, "--task", o.task,
                "--operator", o.operator, "--takeover", o.takeover,
            )  # fmt: skip
        start(
            "control", "control", "--robot", o.robot, "--session", self.summary.session_id,
            "--takeover", o.takeover, "--protocol", o.protocol, "--recorder", str(socket),
        )  # fmt: skip
        if o.console_port is not None:
            console = start("console", "console", "--port", str(o.console_port), "--cameras", cameras, talks=True)
            self.summary.console_url = str(console.answer("ready", READY_PATIENCE_S).get("ready", ""))
        self._node = SessionNode()

    def _wait_until_ready(self) -> None:
        """The recorder has recovered what a crash left, and control hears robot, policy and operator."""
        ready = self._recorder_answer("ready", READY_PATIENCE_S)["ready"]
        self.summary.recovered = [
            str(item.get("path") or item.get("problem")) for item in _list(ready, "recovered") if isinstance(item, dict)
        ]
        node, deadline_s = self._require_node(), clock.monotonic_s() + READY_PATIENCE_S
        while (missing := self._missing(node)) is not None:
            self._processes.check()
            if clock.monotonic_s() > deadline_s:
                raise StageLost(f"{missing} did not come up within {READY_PATIENCE_S:g} s")
            node.spin(0.05)

    def _missing(self, node: SessionNode) -> str | None:
        """The part that the session still waits for."""
        if not node.status:
            return "control"
        if self.options.simulated_robot and not node.task:
            return "the simulated robot"
        if self.options.policy and node.status.get("policy_age_s") is None:
            return "the policy"
        # A person may join later; a simulated or recorded one is part of the machine.
        if self.options.operator != "none" and node.status.get("operator_age_s") is None:
            return "the operator"
        return None

    # --- one episode ---

    def _episode(self, k: int, progress: Progress) -> None:
        node = self._require_node()
        if self.options.simulated_robot:
            node.reset_simulation(self._first_seed + k)
        self._say({"begin": self._attributes(k)}, "began", SEAL_PATIENCE_S)
        node.take_events()
        self._request_until_taken(Signal.START)
        if self._supervisor is not None:
            self._supervisor.begin()
        started_s = clock.monotonic_s()
        takeovers = 0
        while True:
            node.spin(LOOK_S)
            self._watch()
            takeovers += self._take_events(k)
            self._supervise(clock.monotonic_s() - started_s)
            self._publish(k)
            progress(self.summary, node.status)
            if node.status.get("state") == "done" and node.status.get("outcome"):
                break
        takeovers += self._take_events(k)
        if self._recording != "ok":
            raise StageLost(f"{self._recording}; the episode is recovered at the next start")
        self._seal(k, clock.monotonic_s() - started_s, takeovers)
        self._publish(k + 1)
        progress(self.summary, node.status)

    def _request_until_taken(self, signal: Signal) -> None:
        """Right after a reset the robot's joints may still be on their way: ask again for a moment."""
        node, deadline_s = self._require_node(), clock.monotonic_s() + 5.0
        while (refusal := node.request(signal)) is not None:
            if clock.monotonic_s() > deadline_s:
                raise StageLost(f"control refuses '{signal}': {refusal}")
            node.spin(0.1)
        # Do not mistake the status of the last episode for this one's.
        while node.status.get("state") not in {state.name.lower() for state in EPISODE_STATES}:
            self._processes.check()
            node.spin(0.02)

    def _supervise(self, elapsed_s: float) -> None:
        if self._supervisor is None:
            return
        node = self._require_node()
        signal = self._supervisor.look(clock.monotonic_s(), _view(node, elapsed_s))
        if signal is not None:
            node.request(signal)

    def _take_events(self, k: int) -> int:
        takeovers = 0
        for event in self._require_node().take_events():
            detail = str(event.get("detail", ""))
            if event.get("kind") == "handover":
                self.summary.handovers.append({"episode": k + 1, **json.loads(detail)})
            takeovers += event.get("kind") == "state" and f"-> {State.ADAPTATION.name.lower()}" in detail
        return takeovers

    def _seal(self, k: int, duration_s: float, takeovers: int) -> None:
        status = self._require_node().status
        outcome = OUTCOME_WORDS[Signal(str(status["outcome"]))]
        last_tick = int(str(status["tick"])) - 1
        sealed = self._say({"end": {"outcome": outcome, "last_tick": last_tick}}, "sealed", SEAL_PATIENCE_S)
        self.summary.episodes.append(
            {
                "episode": k + 1,
                "outcome": outcome,
                "duration_s": round(duration_s, 2),
                "takeovers": takeovers,
                "lost": int(str(sealed["lost"])),
                "rows": int(str(sealed["rows"])),
                "frames": int(str(sealed["frames"])),
                "seal_ms": sealed["seal_ms"],
                "path": str(sealed["sealed"]),
            }
        )

    def _attributes(self, k: int) -> dict[str, Any]:
        o, robot = self.options, self.robot
        policy = "none" if not o.policy else o.checkpoint or f"shipped:{o.task}"
        return {
            "task": o.task,
            "instruction": self.task.instruction,
            "protocol": o.protocol,
            "takeover_mode": o.takeover,
            "operator": o.operator,
            "policy_id": policy,
            "robot": robot.name,
            "joint_names": list(robot.joint_names),
            "groups": {name: [robot.joint_names[i] for i in index] for name, index in robot.groups.items()},
            "control_hz": robot.control_hz,
            "config_hashes": {"robot": robot.config_hash},
            "limits": {
                name: getattr(robot, name).tolist()
                for name in ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")
            },
            "feature_names": list(self.task.feature_names) if o.simulated_robot else [],
            "cameras": list(o.cameras),
            "state_names": [state.name.lower() for state in State],
            "first_tick": 0,
            "notes": self.note,
            "session": self.summary.session_id,
            "seed": self._first_seed + k if o.simulated_robot else None,
        }

    @property
    def note(self) -> str:
        """What every report must say about this robot and this world."""
        return f"{self.robot.note}" + (f"; grasp assist: {GRASP_ASSIST}" if self.options.simulated_robot else "")

    # --- the recorder and the console ---

    def _say(self, message: dict[str, object], key: str, patience_s: float) -> dict[str, object]:
        recorder = self._recorder
        if recorder is None:
            raise StageLost("the recorder was not started")
        recorder.say(message)
        return self._recorder_answer(key, patience_s)

    def _recorder_answer(self, key: str, patience_s: float) -> dict[str, object]:
        recorder = self._recorder
        if recorder is None:
            raise StageLost("the recorder was not started")
        answer = recorder.answer(key, patience_s)
        if key not in answer:
            raise StageLost(f"the recorder says: {answer.get('error') or answer.get('failed')}")
        return answer

    def _watch(self) -> None:
        """A process that ended ends the session, except the recorder: whoever drives the robot finishes first."""
        for process in self._processes.all:
            if not process.alive and process is not self._recorder:
                raise process.lost()
        if self._recording != "ok" or self._recorder is None:
            return
        failures = [message["failed"] for message in self._recorder.messages() if "failed" in message]
        if failures:
            self._recording = f"recording stopped: {failures[0]}"
        elif not self._recorder.alive:
            self._recording = f"recording stopped: {self._recorder.lost()}"

    def _publish(self, done: int) -> None:
        s, o = self.summary, self.options
        self._require_node().publish(
            {
                "task": o.task,
                "instruction": self.task.instruction,
                "operator": o.operator,
                "policy": "shipped" if o.policy and not o.checkpoint else o.checkpoint or "none",
                "protocol": o.protocol,
                "takeover": o.takeover,
                "episodes_done": done if done <= len(s.episodes) else len(s.episodes),
                "episodes_planned": o.episodes,
                "successes": s.count("success"),
                "failures": s.count("failure"),
                "discarded": s.count("discarded"),
                "takeovers": s.takeovers,
                "ticks_lost": s.ticks_lost,
                "dataset": str(o.dataset),
                "note": self.note,
                "handovers": s.handovers[-8:],
                "recording": self._recording,
            }
        )

    def _take_jitter(self) -> None:
        status = self._node.status if self._node is not None else {}
        jitter = status.get("jitter_us")
        self.summary.jitter_us = dict(jitter) if isinstance(jitter, dict) else {}
        self.summary.missed_ticks = int(str(status.get("missed_ticks", 0)))
        self.summary.rows_dropped = int(str(status.get("rows_dropped", 0)))

    def _hold(self) -> None:
        """The user wants to leave: stop the robot; what was recorded of this episode is sealed by the recorder."""
        try:
            self._require_node().request(Signal.STOP)
        except RoveError as error:
            self.summary.stopped += f" ({error})"

    def _require_node(self) -> SessionNode:
        if self._node is None:
            raise StageLost("the session's node was not started")
        return self._node


def _view(node: SessionNode, elapsed_s: float) -> View:
    task, status = node.task, node.status
    failure = task.get("failure")
    progress = task.get("progress", 0.0)
    return View(
        state=str(status.get("state", "")),
        alarm=status.get("alarm") is not None,
        progress=float(progress) if isinstance(progress, int | float) else 0.0,
        success=bool(task.get("success", False)),
        failure=str(failure) if failure else None,
        elapsed_s=elapsed_s,
    )


def _supervisor(options: SessionOptions) -> SimulatedSupervisor | None:
    kinds = ("simulated", "teleoperate", "console")
    if options.supervisor not in kinds:
        raise UsageError(f"--supervisor must be one of {', '.join(kinds)}, got '{options.supervisor}'")
    if options.supervisor == "console":
        return None
    habits = SupervisorHabits(time_limit_s=options.time_limit_s, only_teleoperate=options.supervisor == "teleoperate")
    return SimulatedSupervisor(habits, options.seed or 0)


def _dataset(root: Path) -> Dataset:
    return Dataset.create(root)


def _list(value: object, key: str) -> list[object]:
    found = value.get(key, []) if isinstance(value, dict) else []
    return found if isinstance(found, list) else []
