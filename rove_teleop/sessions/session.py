"""What a collection session is asked to be, and what came of it: plain values for the command line and the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..control.path_config import live_path_config
from ..errors import UsageError
from ..failure_calibration.files import file_hash, policy_hash, policy_text
from ..handover.states import State
from ..operators.profiles import OperatorProfile
from ..robots.description import RobotDescription
from ..sim.grasp import GRASP_ASSIST
from ..sim.skills import DEFAULT_SKILL, skill_of
from ..sim.tasks import Task


def is_person(operator: str) -> bool:
    """Whether a person is behind ``--operator``: they may come later, and they have a console to press buttons on."""
    return operator not in ("none", "simulated") and not operator.startswith("replay:")


@dataclass(frozen=True)
class SessionOptions:
    """What a session is. ``operator`` is ``simulated``, ``replay:FILE``, ``none`` or a person's device (``openxr``);
    ``operator_name`` is who that is, for the episodes and for what a calibration remembers of them."""

    dataset: Path
    task: str = "toaster"
    episodes: int = 5
    robot: str = "iron_r01"
    operator: str = "simulated"
    operator_skill: str = DEFAULT_SKILL
    operator_name: str = ""
    motion_scale: float = 1.0
    supervisor: str = "simulated"
    checkpoint: str = ""
    protocol: str = "complete"
    takeover: str = "anchored"
    takeover_groups: str = ""
    simulated_robot: bool = True
    console_port: int | None = 8080
    headset_host: str = ""
    headset_port: int = 8443
    cameras: tuple[str, ...] = ("ego",)
    camera_codec: str = "jpeg"
    seed: int | None = None
    time_limit_s: float = 45.0
    policy: bool = True
    shadow: str = ""
    failure_calibration: str = ""
    auto_pause: bool = False

    def __post_init__(self) -> None:
        if self.operator_skill != DEFAULT_SKILL and self.operator != "simulated":
            raise UsageError(f"--operator-skill is of a simulated operator, not of --operator {self.operator}")
        skill_of(self.operator_skill)
        if not (1 <= self.episodes <= 10_000):
            raise UsageError(f"--episodes must be 1 to 10000, got {self.episodes}")
        if not (1.0 <= self.time_limit_s <= 3600.0):
            raise UsageError(f"--time-limit must be 1 to 3600 s, got {self.time_limit_s:g}")
        if self.shadow and not self.policy:
            raise UsageError("--shadow needs a policy that drives: a shadow only plans beside it")
        if self.operator == "webxr" and self.console_port is None:
            raise UsageError("--operator webxr: the console serves the headset's page, so leave --headless out")


@dataclass
class Summary:
    """What happened. ``handovers`` are scorecards, ``episodes`` one entry per sealed episode."""

    options: SessionOptions
    robot_note: str
    session_id: str
    console_url: str = ""
    recovered: list[str] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    handovers: list[dict[str, Any]] = field(default_factory=list)
    jitter_us: dict[str, float] = field(default_factory=dict)
    missed_ticks: int = 0
    rows_dropped: int = 0
    restarts: list[str] = field(default_factory=list)
    stopped: str = ""
    exit_code: int = 0

    def count(self, outcome: str) -> int:
        return sum(episode["outcome"] == outcome for episode in self.episodes)

    @property
    def takeovers(self) -> int:
        return sum(episode["takeovers"] for episode in self.episodes)

    @property
    def ticks_lost(self) -> int:
        return sum(episode["lost"] for episode in self.episodes)


def note(options: SessionOptions, robot: RobotDescription) -> str:
    """What every report must say about this robot and this world."""
    assist = f"; grasp assist: {GRASP_ASSIST}" if options.simulated_robot else ""
    person = f"; simulated operator: {options.operator_skill}" if options.operator == "simulated" else ""
    return robot.note + assist + person


def episode_attributes(
    options: SessionOptions,
    robot: RobotDescription,
    task: Task,
    session_id: str,
    seed: int,
    profile: OperatorProfile | None = None,
    calibration: Path | None = None,
    served_policy: str = "",
) -> dict[str, Any]:
    """What an episode says about itself, as the recorder wants it (see docs/episode_format.md).

    ``served_policy`` is what a policy's server says identifies its weights; an address alone does not.
    """
    limits = ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3")
    return {
        "task": options.task,
        "instruction": task.instruction,
        "protocol": options.protocol,
        "takeover_mode": options.takeover,
        "operator": options.operator_name or options.operator,
        "operator_device": options.operator,
        "policy_id": _policy_name(options),
        **({"served_policy_id": served_policy} if served_policy else {}),
        **({"shadow_policy_id": options.shadow} if options.shadow else {}),
        "robot": robot.name,
        "joint_names": list(robot.joint_names),
        "groups": {name: [robot.joint_names[i] for i in index] for name, index in robot.groups.items()},
        "control_hz": robot.control_hz,
        "config_hashes": {"robot": robot.config_hash, **_hashes(options, profile, calibration)},
        "limits": {name: getattr(robot, name).tolist() for name in limits},
        "path": live_path_config(robot.folder).as_dict(),
        "feature_names": list(task.feature_names) if options.simulated_robot else [],
        "cameras": list(options.cameras),
        "state_names": [state.name.lower() for state in State],
        "first_tick": 0,
        "notes": note(options, robot),
        "session": session_id,
        "seed": seed if options.simulated_robot else None,
    }


def session_message(summary: Summary, task: Task, says: str, recording: str) -> dict[str, object]:
    """The counts of the session for the console; ``says`` is the note, ``recording`` is ok or a sentence."""
    options = summary.options
    return {
        "task": options.task,
        "instruction": task.instruction,
        "operator": options.operator_name or options.operator,
        "policy": _policy_name(options),
        "protocol": options.protocol,
        "takeover": options.takeover,
        "takeover_groups": options.takeover_groups,
        "episodes_done": len(summary.episodes),
        "episodes_planned": options.episodes,
        "successes": summary.count("success"),
        "failures": summary.count("failure"),
        "discarded": summary.count("discarded"),
        "takeovers": summary.takeovers,
        "ticks_lost": summary.ticks_lost,
        "dataset": str(options.dataset),
        "note": says,
        "handovers": summary.handovers[-8:],
        "recording": recording,
        "finished": bool(summary.stopped) or len(summary.episodes) == options.episodes,
    }


def _hashes(options: SessionOptions, profile: OperatorProfile | None, calibration: Path | None) -> dict[str, str]:
    """Of what may be there or not: the person's calibration, the policy's weights, the detectors' calibration."""
    found = {"operator": profile.hash} if profile else {}
    policy = policy_text(options.checkpoint, options.task)
    if options.policy and Path(policy).is_file():
        found["policy"] = policy_hash(policy)
    if calibration is not None:
        found["failure"] = file_hash(calibration)
    return found


def _policy_name(options: SessionOptions) -> str:
    if not options.policy:
        return "none"
    return options.checkpoint or f"shipped:{options.task}"
