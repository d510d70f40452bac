"""Robots and policies: robot, evaluate, shadow, sim."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .arguments import counter, seed, trials, workers

TASKS = ("toaster", "whiteboard")


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    robot = subparsers.add_parser("robot", help="robot configs").add_subparsers(required=True)
    command = robot.add_parser("show", help="joints, groups and limits, after every check")
    command.add_argument("robot")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=show_robot)
    command = subparsers.add_parser("evaluate", help="success of a policy alone, with its interval")
    command.add_argument("--task", default="toaster", help="toaster or whiteboard (default %(default)s)")
    command.add_argument("--episodes", type=trials, default=200, help="how many (default %(default)s)")
    command.add_argument(
        "--policy", metavar="CHECKPOINT|URL", help="a checkpoint, ws://HOST:PORT, ... (default: shipped)"
    )
    command.add_argument("--against", metavar="CHECKPOINT|URL", help="another policy over the same seeds")
    command.add_argument("--beta", type=float, help="guidance of policies with conditions, 0 to 10 (default: theirs)")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--form", choices=("in_hand", "full"), default="in_hand", help="of the task (docs/tasks.md)")
    command.add_argument("--start", choices=("beginning", "varied"), default="beginning", help="of its episodes")
    command.add_argument("--seed", type=seed, default=0, help="moves the range of evaluation seeds")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=evaluate_policy)
    command = subparsers.add_parser("shadow", help="how far a shadow policy was from the one that drove")
    command.add_argument("dataset", type=Path)
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=show_shadow)
    sim = subparsers.add_parser("sim", help="the simulator's own tools").add_subparsers(required=True)
    command = sim.add_parser("base-policy", help="make the shipped policy of a task again: demonstrate, then clone")
    command.add_argument("--task", choices=TASKS, default="toaster")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--form", choices=("in_hand", "full"), default="in_hand", help="of the task (docs/tasks.md)")
    command.add_argument("--out", type=Path, required=True, help="checkpoint file")
    command.add_argument("--seed", type=seed, default=0)
    command.set_defaults(run=base_policy)
    command = sim.add_parser("critic", help="NAME.critic.safetensors beside a policy NAME.safetensors: collect, train")
    command.add_argument(
        "--policy", type=Path, metavar="CHECKPOINT", required=True, help="gets NAME.critic.safetensors"
    )
    command.add_argument(
        "--dataset", type=Path, required=True, metavar="FOLDER", help="where the episodes are recorded"
    )
    command.add_argument("--form", choices=("in_hand", "full"), default="in_hand", help="of the task (docs/tasks.md)")
    command.add_argument("--seed", type=seed, default=0)
    command.add_argument("--workers", type=workers, help="processes (default: one per core)")
    command.set_defaults(run=critic)

    command = sim.add_parser("people", help="simulated people who do a task without a robot, for critics: half fail")
    command.add_argument("dataset", type=Path)
    command.add_argument("--task", choices=TASKS, default="toaster")
    command.add_argument("--episodes", type=trials, default=90)
    command.add_argument("--seed", type=seed, default=0)
    command.add_argument("--robot", default="iron_r01", help="whose joints the hands are retargeted to")
    command.set_defaults(run=people)


def show_robot(options: argparse.Namespace) -> int:
    """What a robot config says, after all its checks."""
    from ..robots.description import load_robot

    robot = load_robot(options.robot)
    limits = {
        name: getattr(robot, name).tolist()
        for name in ("q_min_rad", "q_max_rad", "v_max_rad_s", "a_max_rad_s2", "j_max_rad_s3", "home_rad")
    }
    groups = {name: [robot.joint_names[i] for i in index] for name, index in robot.groups.items()}
    if options.json:
        head = {"name": robot.name, "note": robot.note, "control_hz": robot.control_hz}
        print(json.dumps({**head, "joint_names": list(robot.joint_names), "groups": groups, "limits": limits}))
        return 0
    print(f"{robot.name}: {robot.joint_count} joints at {robot.control_hz:g} Hz\n{robot.note}")
    for group, joints in groups.items():
        print(f"{group}:")
        for joint in joints:
            i = robot.index(joint)
            low, high = robot.q_min_rad[i], robot.q_max_rad[i]
            print(f"  {joint:<26} {low:+.2f} to {high:+.2f} rad, {robot.v_max_rad_s[i]:g} rad/s")
    return 0


def evaluate_policy(options: argparse.Namespace) -> int:
    """Success of a policy alone, with its interval; of two over the same seeds, with the test of their difference."""
    from ..policy.local import shipped_checkpoint
    from ..virtual_time.comparison import Comparison

    if options.form == "full" and not options.policy:
        raise UsageError("--form full needs --policy: no checkpoint of tasks in full ships (rove sim base-policy)")
    policy = options.policy or str(shipped_checkpoint(options.task))
    result = _evaluate(options, policy)
    data = _counts(result)
    lines = [result.sentence(), f"failures: {result.failures}", f"note: {result.notes}"]
    if options.against:
        other = _evaluate(options, options.against)
        compared = Comparison(result, other)
        differ = {"only_policy": compared.only_one, "only_against": compared.only_other, "p": compared.p_value}
        data = {**data, "against": {**_counts(other), **differ}}
        lines += [f"against {options.against}: {other.sentence()}", compared.sentence()]
    print(json.dumps(data) if options.json else "\n".join(lines))
    return 0


def _evaluate(options: argparse.Namespace, text: str) -> Any:
    from ..policy.opening import open_policy
    from ..robots.description import load_robot
    from ..sim.tasks import task_params
    from ..virtual_time.evaluation import FIRST_SEED, evaluate

    robot = load_robot(options.robot)
    policy = open_policy(text, robot)
    if options.beta is not None:
        from ..policy.local import LocalPolicy

        if not isinstance(policy, LocalPolicy):
            raise UsageError("--beta: guidance is decoding, so it is set where the policy runs")
        policy.beta = options.beta
    first, params = FIRST_SEED + options.seed, task_params(options.task, "deployment", options.form, options.start)
    return evaluate(robot, options.task, policy, options.episodes, first, params, counter("episode"))


def _counts(result: Any) -> dict[str, Any]:
    counts = {"successes": result.successes, "episodes": result.episodes, "interval": list(result.interval)}
    return {"task": result.task, **counts, "failures": result.failures, "notes": result.notes}


def show_shadow(options: argparse.Namespace) -> int:
    """Disagreement of the shadow policy in the episodes of a dataset that have one."""
    from dataclasses import asdict

    from ..episodes.dataset import Dataset
    from ..sessions.shadow_report import disagreement

    found = disagreement(Dataset.open(options.dataset).episodes())
    if found is None:
        raise UsageError(f"{options.dataset}: no episode has a shadow policy (rove collect --shadow CHECKPOINT)")
    print(json.dumps(asdict(found)) if options.json else found.sentence())
    return 0


def base_policy(options: argparse.Namespace) -> int:
    """Demonstrations of the scripted expert, then behaviour cloning: how the shipped policies were made."""
    from ..models.checkpoint import save_checkpoint
    from ..models.policy_critic import critic_path
    from ..robots.description import load_robot
    from ..virtual_time.base_policy import train_base_policy

    if not options.out.parent.is_dir():
        raise UsageError(f"{options.out}: there is no folder {options.out.parent}")
    show = counter(options.task)
    checkpoint, demonstrations = train_base_policy(
        load_robot(options.robot),
        options.task,
        options.seed,
        lambda stage, done, total, remark: show(done, total, stage, remark),
        options.form,
    )
    save_checkpoint(options.out, checkpoint)
    # The critic of a policy that was here before is nobody's now, and would be refused.
    critic_path(options.out).unlink(missing_ok=True)
    size_mb = options.out.stat().st_size / 1e6
    print(f"{options.out}: {size_mb:.2f} MB from {len(demonstrations)} demonstrations")
    return 0


def critic(options: argparse.Namespace) -> int:
    """Episodes of a policy in virtual time, corrected by a simulated person, and a critic of them beside it."""
    from ..rounds.watching_critic import give_critic
    from ..rounds.workers import Workers

    show = counter(options.policy.stem)
    with Workers(options.workers) as workers:
        path = give_critic(
            options.policy,
            options.dataset,
            workers,
            options.seed,
            options.form,
            lambda stage, done, total, remark: show(done, total, stage, remark),
        )
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")
    return 0


def people(options: argparse.Namespace) -> int:
    """Record simulated people without a robot, successes and failures in turn."""
    from ..robots.description import load_robot
    from ..rounds.people import record_people

    robot = load_robot(options.robot)
    new = record_people(options.dataset, robot, options.task, options.episodes, options.seed, counter("episodes"))
    print(f"{options.dataset}: {new} of {options.episodes} people are new")
    return 0
