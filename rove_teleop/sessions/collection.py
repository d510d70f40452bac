"""One collection session: start the processes, run the episodes, count, and leave nothing behind."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from .. import clock
from ..episodes.dataset import Dataset
from ..errors import RoveError, StageLost, UsageError
from ..failure_calibration.files import session_calibration
from ..handover.groups import read_groups
from ..handover.states import EPISODE_STATES, REASON_OF_REQUEST, Signal, State
from ..nodes.session import SessionNode
from ..operators.profile_store import load_profile
from ..robots.description import RobotDescription, load_robot
from ..sim.supervisor import SimulatedSupervisor, SupervisorHabits, View
from ..sim.tasks import make_task
from .processes import Processes, prepare_environment
from .recorder_client import RecorderClient
from .ros_environment import only_session
from .session import SessionOptions, Summary, episode_attributes, is_person, note, session_message

LOOK_S = 0.05
INTERRUPTED = 130
READY_PATIENCE_S = 90.0
"""Long, since a busy machine is no failure; a process that ends is noticed at once."""
FAREWELL_S = 0.5
OUTCOME_WORDS = {Signal.SUCCESS: "success", Signal.FAILURE: "failure", Signal.DISCARD: "discarded"}
RESTARTED, MOST_RESTARTS = ("policy", "shadow", "failure", "operator", "camera", "console"), 3

Progress = Callable[[Summary, dict[str, object]], None]
"""Called about ten times a second with the counts so far and control's latest status."""


class Collection:
    """Use as a context manager: processes start on entry and stop on exit, whatever happens between."""

    _node: SessionNode
    _recorder: RecorderClient

    def __init__(self, options: SessionOptions) -> None:
        self.options = options
        self.robot: RobotDescription = load_robot(options.robot)
        read_groups(options.takeover_groups, self.robot.groups)
        self.task = make_task(options.task)
        self.note = note(options, self.robot)
        self.profile = load_profile(options.operator_name) if options.operator_name else None
        self.calibration = self._find_calibration()
        self.headset_url = ""
        """Holds the code of the headset's page: for the operator's eyes, in no report and no log."""
        self.summary = Summary(options, self.robot.note, secrets.token_hex(4))
        recorded = len(Dataset.create(options.dataset).episodes())
        self._first_seed = options.seed if options.seed is not None else recorded
        self._supervisor = _supervisor(options)
        self._leave = ExitStack()
        self._processes = Processes(options.dataset / "logs" / self.summary.session_id)

    def __enter__(self) -> Collection:
        try:
            self._start()
            self._wait_until_ready()
        except BaseException:
            self._leave.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._leave.close()

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
        self._publish()
        # The last word must reach the page before the console ends.
        self._node.spin(FAREWELL_S)
        return self.summary

    # --- start ---

    def _start(self) -> None:
        o, start = self.options, self._processes.start
        self._leave.enter_context(only_session())
        private = Path(self._leave.enter_context(tempfile.TemporaryDirectory(prefix="rove-")))
        socket, headset_socket = private / "rows.sock", private / "headset.sock"
        prepare_environment()
        self._node = SessionNode()
        self._leave.callback(self._node.close)
        self._leave.callback(self._processes.stop)
        cameras = ",".join(o.cameras)
        record = ["--dataset", str(o.dataset), "--socket", str(socket)]
        record += ["--cameras", cameras, "--camera-codec", o.camera_codec]
        self._recorder = RecorderClient(start("recorder", "recorder", *record, talks=True))
        if o.simulated_robot:
            start("robot", "sim_robot", "--robot", o.robot, "--task", o.task, "--autostart")
            if o.cameras:
                start("camera", "sim_camera", "--robot", o.robot, "--task", o.task, "--cameras", cameras)
        if o.policy:
            extra = ["--checkpoint", o.checkpoint] if o.checkpoint else []
            bound = ("policy", "--robot", o.robot, "--task", o.task, "--cameras", cameras)
            start("policy", *bound, *extra)
            if o.shadow:
                start("shadow", *bound, "--shadow", "--checkpoint", o.shadow)
            watch = ["--calibration", str(self.calibration)] if self.calibration else []
            start("failure", "failure", "--robot", o.robot, "--recorder", str(socket), *watch)
        if o.operator != "none":
            device = f"webxr:{headset_socket}" if o.operator == "webxr" else o.operator
            start(
                "operator", "operator", "--robot", o.robot, "--task", o.task,
                "--operator", device, "--takeover", o.takeover, "--operator-name", o.operator_name,
                "--motion-scale", str(o.motion_scale), "--operator-skill", o.operator_skill,
            )  # fmt: skip
        start(
            "control", "control", "--robot", o.robot, "--session", self.summary.session_id,
            "--takeover", o.takeover, "--protocol", o.protocol, "--recorder", str(socket),
            "--takeover-groups", o.takeover_groups, *(["--auto-pause"] if o.auto_pause else []),
        )  # fmt: skip
        if o.console_port is not None:
            serve = ["--port", str(o.console_port), "--cameras", cameras]
            if o.operator == "webxr":
                serve += ["--headset-socket", str(headset_socket)]
                serve += ["--headset-host", o.headset_host, "--headset-port", str(o.headset_port)]
            ready = start("console", "console", *serve, talks=True).answer("ready", READY_PATIENCE_S)
            self.summary.console_url, self.headset_url = str(ready.get("ready", "")), str(ready.get("headset", ""))

    def _find_calibration(self) -> Path | None:
        o = self.options
        return session_calibration(o.failure_calibration, o.checkpoint, o.task, o.dataset) if o.policy else None

    def _wait_until_ready(self) -> None:
        """The recorder has recovered what a crash left, and control hears robot, policy and operator."""
        self.summary.recovered = self._recorder.ready()
        deadline_s = clock.monotonic_s() + READY_PATIENCE_S
        while (missing := self._missing(self._node)) is not None:
            self._processes.check()
            if clock.monotonic_s() > deadline_s:
                raise StageLost(f"{missing} did not come up within {READY_PATIENCE_S:g} s")
            self._node.spin(0.05)

    def _missing(self, node: SessionNode) -> str | None:
        """The part that the session still waits for."""
        if not node.status:
            return "control"
        if self.options.simulated_robot and not node.task:
            return "the simulated robot"
        if self.options.policy and (node.policy_identity is None or node.status.get("policy_age_s") is None):
            return "the policy"
        # A person may join later; a simulated or recorded one is part of the machine.
        awaited = self.options.operator != "none" and not is_person(self.options.operator)
        if awaited and node.status.get("operator_age_s") is None:
            return "the operator"
        return None

    # --- one episode ---

    def _episode(self, k: int, progress: Progress) -> None:
        seed = self._first_seed + k
        if self.options.simulated_robot:
            self._node.reset_simulation(seed)
        self._recorder.begin(self._attributes(seed))
        self._node.take_events()
        self._request_until_taken(Signal.START)
        if self._supervisor is not None:
            self._supervisor.begin()
        started_s = clock.monotonic_s()
        takeovers = 0
        while not (self._node.status.get("state") == "done" and self._node.status.get("outcome")):
            self._node.spin(LOOK_S)
            self._watch()
            takeovers += self._take_events(k)
            self._supervise(clock.monotonic_s() - started_s)
            self._publish()
            progress(self.summary, self._node.status)
        if self._recorder.problem is not None:
            raise StageLost(f"{self._recorder.problem}; the episode is recovered at the next start")
        self._seal(k, clock.monotonic_s() - started_s, takeovers + self._take_events(k))
        self._publish()
        progress(self.summary, self._node.status)

    def _attributes(self, seed: int) -> dict[str, object]:
        session_id = self.summary.session_id
        served = self._node.policy_identity or ""
        return episode_attributes(
            self.options, self.robot, self.task, session_id, seed, self.profile, self.calibration, served
        )

    def _request_until_taken(self, signal: Signal) -> None:
        """Right after a reset the robot's joints may still be on their way: ask again for a moment."""
        node, deadline_s = self._node, clock.monotonic_s() + 5.0
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
        signal = self._supervisor.look(clock.monotonic_s(), _view(self._node, elapsed_s))
        if signal is not None:
            self._node.request(signal)

    def _take_events(self, k: int) -> int:
        takeovers = 0
        for event in self._node.take_events():
            detail = str(event.get("detail", ""))
            if event.get("kind") == "handover":
                self.summary.handovers.append({"episode": k + 1, **json.loads(detail)})
            takeovers += event.get("kind") == "state" and f"-> {State.ADAPTATION.name.lower()}" in detail
        return takeovers

    def _seal(self, k: int, duration_s: float, takeovers: int) -> None:
        status = self._node.status
        outcome = OUTCOME_WORDS[Signal(str(status["outcome"]))]
        last_tick = int(str(status["tick"])) - 1
        sealed = self._recorder.end(outcome, last_tick)
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

    # --- the other processes ---

    def _watch(self) -> None:
        """Without control or robot there is no session. The recorder's end waits for the end of the episode: whoever
        drives finishes first. The others are started again; control holds meanwhile, and nothing resumes by itself."""
        self._recorder.listen()
        for process in self._processes.ended():
            again = self.summary.restarts.count(process.name) < MOST_RESTARTS and not process.refused
            if process.name in RESTARTED and again:
                self._processes.restart(process)
                self.summary.restarts.append(process.name)
            elif process is not self._recorder.process:
                raise process.lost()

    def _publish(self) -> None:
        recording = self._recorder.problem or "ok"
        self._node.publish(session_message(self.summary, self.task, self.note, recording))

    def _take_jitter(self) -> None:
        status = self._node.status
        jitter = status.get("jitter_us")
        self.summary.jitter_us = dict(jitter) if isinstance(jitter, dict) else {}
        self.summary.missed_ticks = int(str(status.get("missed_ticks", 0)))
        self.summary.rows_dropped = int(str(status.get("rows_dropped", 0)))

    def _hold(self) -> None:
        """The user wants to leave: stop the robot; what was recorded of this episode is sealed by the recorder."""
        try:
            self._node.request(Signal.STOP)
        except RoveError as error:
            self.summary.stopped += f" ({error})"


def _view(node: SessionNode, elapsed_s: float) -> View:
    task, status = node.task, node.status
    failure = task.get("failure")
    progress = task.get("progress", 0.0)
    return View(
        state=str(status.get("state", "")),
        alarm=status.get("alarm") is not None,
        progress=float(min(max(progress, 0.0), 1.0)) if isinstance(progress, int | float) else 0.0,
        success=bool(task.get("success", False)),
        failure=str(failure) if failure else None,
        elapsed_s=elapsed_s,
        stopped=status.get("reason") == REASON_OF_REQUEST[Signal.STOP],
    )


def _supervisor(options: SessionOptions) -> SimulatedSupervisor | None:
    kinds = ("simulated", "teleoperate", "console")
    if options.supervisor not in kinds:
        raise UsageError(f"--supervisor must be one of {', '.join(kinds)}, got '{options.supervisor}'")
    if options.supervisor == "console":
        return None
    habits = SupervisorHabits(
        time_limit_s=options.time_limit_s,
        only_teleoperate=options.supervisor == "teleoperate",
        takes_over=options.operator != "none",
    )
    return SimulatedSupervisor(habits, options.seed or 0)
