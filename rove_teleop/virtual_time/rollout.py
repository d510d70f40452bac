"""An episode in virtual time: the same stages as a live session, stepped as fast as the machine can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..control.path_config import live_path_config
from ..control_loop import ControlLoop, Tick
from ..failure.streams import Listener
from ..handover.deadman import HOLD_S
from ..handover.states import EPISODE_STATES, Signal, State
from ..operators.chain import OperatorChain
from ..policy.pace import asking_period_s
from ..policy.protocol import Plan
from ..robots.description import RobotDescription
from ..sim.operator import SimulatedOperator
from ..sim.supervisor import SimulatedSupervisor, View
from ..sim.world import World
from ..types import ActionChunk, Array, JointTargets, RobotState, TaskState

ADVICE_S = 0.1

Planner = Callable[[Array, Array, TaskState], Plan | None]
"""(q_measured, q_commanded, task state) to a plan."""

Operator = Callable[[float, RobotState, TaskState, bool], JointTargets | None]
"""(now, measured, task state, whether the operator drives) to retargeted joint targets."""


def live_loop(robot: RobotDescription) -> ControlLoop:
    """A control loop as sessions have it: with what was promoted for this robot in its ``filter.yaml``.

    Raises:
        ConfigInvalid: that file is wrong; the message starts with ``file:line:``.
    """
    return ControlLoop(robot, path=live_path_config(robot.folder))


def person(operator: SimulatedOperator, chain: OperatorChain) -> Operator:
    """A simulated operator as the function that an episode asks: device frames through gate and retargeting."""

    def targets(now_s: float, measured: RobotState, task: TaskState, driving: bool) -> JointTargets | None:
        frame = operator.frame(now_s, measured.q_rad, task, driving)
        passed = chain.step(frame, now_s, measured.q_rad, driving)
        return passed[1] if passed is not None and passed[0].engaged else None

    return targets


@dataclass(frozen=True)
class Timing:
    """Periods and delays of the parts around the loop, in seconds.

    A plan is asked for so early that it arrives ``replan_s`` after the observation of the one before.
    """

    replan_s: float = 0.4
    inference_s: float = 0.012
    operator_s: float = 1.0 / 72.0
    task_s: float = 0.02
    supervisor_s: float = 0.05
    limit_s: float = 30.0


@dataclass(frozen=True)
class Result:
    """How an episode ended. ``human_s`` is the time under human control."""

    outcome: Signal
    duration_s: float
    human_s: float
    taken_over: bool
    progress: float
    failure: str | None


def run_episode(
    world: World,
    loop: ControlLoop,
    seed: int,
    planner: Planner | None = None,
    operator: Operator | None = None,
    supervisor: SimulatedSupervisor | None = None,
    timing: Timing | None = None,
    on_tick: Callable[[Tick, TaskState], None] | None = None,
    demonstrate: bool = False,
    monitor: Listener | None = None,
) -> Result:
    """Run one episode of ``world`` from ``seed`` through ``loop``.

    With a planner alone the episode ends with the task's success or failure or at ``timing.limit_s``; with a
    supervisor it decides. ``demonstrate`` gives the operator control from the first tick. ``monitor`` hears what the
    failure process of a session hears.
    """
    episode = _Episode(world, loop, timing or Timing(), planner, operator, supervisor, monitor)
    return episode.run(seed, on_tick, demonstrate)


class _Episode:
    def __init__(
        self,
        world: World,
        loop: ControlLoop,
        timing: Timing,
        planner: Planner | None,
        operator: Operator | None,
        supervisor: SimulatedSupervisor | None,
        monitor: Listener | None,
    ) -> None:
        self.world, self.loop, self.timing = world, loop, timing
        self.planner, self.operator, self.supervisor, self.monitor = planner, operator, supervisor, monitor
        self._pending: list[tuple[ActionChunk, Plan]] = []
        self._due = {"plan": 0.0, "operator": 0.0, "task": 0.0, "supervisor": 0.0, "advice": 0.0}
        self._watched = True

    def run(self, seed: int, on_tick: Callable[[Tick, TaskState], None] | None, demonstrate: bool) -> Result:
        world, loop, dt_s = self.world, self.loop, self.loop.robot.dt_s
        world.reset(seed)
        now_s, human_s = 0.0, 0.0
        measured, self.task = world.robot_state(now_s), world.task_state(now_s)
        command = measured.q_rad
        self._start(now_s, measured, demonstrate)
        while loop.handover.state in EPISODE_STATES:
            now_s += dt_s
            measured = world.robot_state(now_s)
            loop.on_robot_state(measured)
            self._observe_task(now_s)
            self._plan(now_s, measured, command)
            self._operate(now_s, measured)
            tick = loop.tick(now_s)
            if on_tick is not None:
                on_tick(tick, self.task)
            if tick.q_sent_rad is not None:
                command = tick.q_sent_rad
                world.command(command)
                if self.monitor is not None:
                    self.monitor.commanded(now_s, command)
            world.advance(dt_s)
            human_s += dt_s * float(self.operator is not None and tick.weight.max() > 0.5)
            self._advise(now_s)
            self._supervise(now_s)
        outcome = loop.handover.outcome or Signal.DISCARD
        return Result(outcome, now_s, human_s, loop.handover.taken_over, self.task.progress, self.task.failure)

    def _start(self, now_s: float, measured: RobotState, demonstrate: bool) -> None:
        loop = self.loop
        loop.on_robot_state(measured)
        self._ask(Signal.START, now_s)
        if self.monitor is not None:
            self.monitor.begin(now_s)
        if self.supervisor is not None:
            self.supervisor.begin()
        if demonstrate:
            # The demonstrator has held the deadman since before the episode.
            loop.on_deadman(True, now_s - HOLD_S)
            self._operate(now_s, measured)
            for signal in (Signal.PAUSE, Signal.TAKE_OVER, Signal.RECOVERED):
                self._ask(signal, now_s)

    def _ask(self, signal: Signal, now_s: float) -> None:
        refusal = self.loop.request(signal, now_s)
        if refusal is not None:
            raise RuntimeError(f"the episode could not begin: {refusal}")

    def _is_due(self, name: str, now_s: float, period_s: float) -> bool:
        if now_s < self._due[name]:
            return False
        self._due[name] = max(self._due[name] + period_s, now_s - period_s)
        return True

    def _observe_task(self, now_s: float) -> None:
        if self._is_due("task", now_s, self.timing.task_s):
            self.task = self.world.task_state(now_s)
            self.loop.on_progress(now_s, self.task.progress)
            if self.monitor is not None:
                self.monitor.progress(now_s, self.task.progress)

    def _plan(self, now_s: float, measured: RobotState, command: Array) -> None:
        """Plans arrive ``inference_s`` after their observation, with offsets reduced by that age, as live."""
        delay_s = self.timing.inference_s
        # One question at a time.
        period_s = max(asking_period_s(self.timing.replan_s, delay_s), delay_s)
        if self.planner is not None and self._is_due("plan", now_s, period_s):
            plan = self.planner(measured.q_rad, command, self.task)
            if plan is not None:
                chunk = ActionChunk(now_s + delay_s, plan.offset_s - delay_s, plan.joint_index, plan.q_rad)
                self._pending.append((chunk, plan))
        while self._pending and self._pending[0][0].received_s <= now_s:
            self._deliver(*self._pending.pop(0), now_s)

    def _deliver(self, chunk: ActionChunk, plan: Plan, now_s: float) -> None:
        self.loop.on_chunk(chunk)
        if self.monitor is None:
            return
        self.monitor.chunk(now_s, chunk)
        if plan.embedding is not None:
            self.monitor.embedding(now_s, plan.embedding)
        if plan.value is not None:
            self.monitor.value(now_s, plan.value)

    def _advise(self, now_s: float) -> None:
        """The monitor hears the policy only while it drives, as live."""
        monitor = self.monitor
        if monitor is None or not self._is_due("advice", now_s, ADVICE_S):
            return
        drives = self.loop.handover.state is State.AUTONOMOUS
        if drives is not self._watched:
            self._watched = drives
            if drives:
                monitor.begin(now_s)
            else:
                monitor.end()
        self.loop.on_advice(now_s, monitor.advice(now_s))

    def _operate(self, now_s: float, measured: RobotState) -> None:
        if self.operator is not None and self._is_due("operator", now_s, self.timing.operator_s):
            driving = self.loop.handover.state.name in ("ADAPTATION", "RECOVERY")
            targets = self.operator(now_s, measured, self.task, driving)
            if targets is not None:
                self.loop.on_operator(targets)
                self.loop.on_deadman(True, now_s)

    def _supervise(self, now_s: float) -> None:
        if not self._is_due("supervisor", now_s, self.timing.supervisor_s):
            return
        signal = self._decide(now_s)
        if signal is not None:
            self.loop.request(signal, now_s)

    def _decide(self, now_s: float) -> Signal | None:
        task = self.task
        if self.supervisor is not None:
            state = self.loop.handover.state.name.lower()
            view = View(state, self.loop.alarm is not None, task.progress, task.success, task.failure, now_s)
            return self.supervisor.look(now_s, view)
        if task.success:
            return Signal.SUCCESS
        lost = self.loop.handover.state.name in ("HOLD", "FAULT")
        return Signal.FAILURE if task.failure is not None or lost or now_s > self.timing.limit_s else None
