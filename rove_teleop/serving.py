"""A checkpoint as a policy that others can ask: what it says of itself, and one copy per client."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from .errors import UsageError
from .models.checkpoint import CheckpointHeader, load_checkpoint
from .models.policy_critic import PolicyCritic, load_policy_critic
from .policy.local import LocalPolicy, shipped_checkpoint
from .policy.protocol import Policy
from .policy.remote.served import Served
from .robots.description import load_robot
from .sim.tasks import TASK_NAMES, make_task

SHORTEST_TOKEN = 16


def serve_checkpoint(checkpoint: Path | None, task: str, robot_name: str) -> tuple[Served, Callable[[], Policy]]:
    """What is served of the file ``checkpoint``, or of the policy that ships for ``task``; and a maker of policies.

    Raises:
        UsageError: there is no such file or task.
        CheckpointInvalid: the file is none, or does not fit the robot, or the critic beside it is another policy's.
    """
    path = checkpoint or shipped_checkpoint(task)
    if not path.is_file():
        raise UsageError(f"--checkpoint {path}: there is no such file")
    robot, loaded = load_robot(robot_name), load_checkpoint(path)
    header, critic = loaded.header, load_policy_critic(path, loaded.header)
    # Once now, so that what does not fit is refused before anyone connects.
    LocalPolicy(loaded, robot)
    served = Served(
        policy=f"{path.stem}:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}",
        task=header.task,
        instruction=_instruction(header, critic),
        robot=robot,
        joint_names=header.joint_names,
        feature_names=header.feature_names,
        step_s=header.step_s,
        horizon=header.horizon,
        execute=header.execute,
        cameras=header.vision.cameras if header.vision else (),
    )
    return served, lambda: LocalPolicy(loaded, robot, critic=critic)


def _instruction(header: CheckpointHeader, critic: PolicyCritic | None) -> str:
    """What the policy is told where a client says nothing; not every task is one of the simulated ones."""
    if header.vision is not None:
        return header.vision.instructions[0]
    if header.task in TASK_NAMES:
        return make_task(header.task).instruction
    return header.task if critic is None else critic.critic.header.instructions[0]


def read_token(path: Path) -> str:
    """The token in a file, or `UsageError` when there is none or it can be guessed."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {path}: {error}") from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"--token-file {path}: a token has {SHORTEST_TOKEN} or more letters and digits, no blanks")
    return token
