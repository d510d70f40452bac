"""Sessions: collect, demo, replay-motion."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..sim.skills import DEFAULT_SKILL, SKILLS
from .arguments import port, scale, seed

AFTERWARDS = "after a takeover: the operator ends the episode, may give back, or ends it there (default %(default)s)"


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    demo = subparsers.add_parser(
        "demo", help="a simulated session: policy drives, fails, a simulated person takes over"
    )
    _session_arguments(demo, episodes=5)
    demo.set_defaults(run=collect, sim=True)
    session = subparsers.add_parser("collect", help="a collection session")
    _session_arguments(session, episodes=20)
    session.add_argument("--sim", action="store_true", help="start the simulated robot (else yours must be running)")
    session.set_defaults(run=collect)
    replay = subparsers.add_parser("replay-motion", help="a recorded person drives the simulated robot")
    replay.add_argument("motion", type=Path, help="motion file, or an episode (DATASET/episodes/ID.zarr)")
    replay.add_argument("--robot", default="iron_r01")
    replay.add_argument("--task", default="toaster", help="scene of the simulation (default %(default)s)")
    replay.add_argument("--dataset", type=Path, default=Path("datasets/replay"), help="folder (default %(default)s)")
    replay.add_argument("--headless", action="store_true", help="no console")
    replay.add_argument("--console-port", type=port, default=8080, help="0 takes a free one (default %(default)s)")
    replay.add_argument("--cameras", default="ego", help="names with commas between; empty: none (default %(default)s)")
    replay.add_argument("--operator-name", metavar="NAME", default="", help="whose calibration to use")
    replay.add_argument("--json", action="store_true")
    replay.set_defaults(run=replay_motion)


def _session_arguments(command: argparse.ArgumentParser, episodes: int) -> None:
    add = command.add_argument
    add("--task", default="toaster", help="toaster or whiteboard (default %(default)s)")
    add("--episodes", type=int, default=episodes, help="how many (default %(default)s)")
    add("--dataset", type=Path, default=Path("datasets/demo"), help="folder (default %(default)s)")
    add("--operator", default="simulated", help="simulated, none, replay:FILE, webxr, openxr, ... (docs/devices.md)")
    add("--operator-skill", choices=tuple(SKILLS), default=DEFAULT_SKILL, help="of a simulated operator")
    add("--operator-name", metavar="NAME", default="", help="who that is: uses what rove calibrate NAME remembered")
    add("--headset-host", default="", help="webxr: this machine's address (default: the one on the local network)")
    add("--headset-port", type=port, default=8443, help="webxr: 0 takes a free one (default %(default)s)")
    add("--supervisor", choices=("simulated", "console"), help="who pauses, switches and marks the outcome")
    add("--policy", metavar="CHECKPOINT|URL", help="a checkpoint, ws://HOST:PORT, ... or none (docs/policies.md)")
    add("--shadow", metavar="CHECKPOINT|URL", default="", help="a second policy: plans and is recorded, never drives")
    add(
        "--failure-calibration",
        metavar="FILE.json",
        default="",
        help="of the policy's alarms (default: if there is one)",
    )
    add("--auto-pause", action="store_true", help="an alarm pauses the policy by itself (default: it only asks)")
    add("--protocol", choices=("complete", "hand_back", "end"), default="complete", help=AFTERWARDS)
    add("--takeover", choices=("aligned", "anchored", "blend"), default="anchored", help="how (default %(default)s)")
    add("--motion-scale", type=scale, default=1.0, help="metres of robot per metre of hand (not with aligned)")
    add("--takeover-groups", metavar="GROUPS", default="", help="what it takes: left_arm,left_hand (default: all)")
    add("--robot", default="iron_r01", help="name or folder (default %(default)s)")
    add("--cameras", default="ego", help="names with commas between; empty: none (default %(default)s)")
    add("--camera-codec", choices=("jpeg", "h264"), default="jpeg", help="how images are stored (default %(default)s)")
    add("--headless", action="store_true", help="no console")
    add("--console-port", type=port, default=8080, help="0 takes a free one (default %(default)s)")
    add("--seed", type=seed, help="start state of the first episode (default: continues the dataset)")
    add("--json", action="store_true", help="print the report as JSON, everything else on stderr")
    add("--time-limit", type=float, default=45.0, help="seconds until a simulated supervisor gives up (default 45)")


def collect(options: argparse.Namespace) -> int:
    """Run a session, show its progress, print its report."""
    from rich.console import Console

    from ..machine import kernels
    from ..operators.profile_store import calibration_hint
    from ..operators.profiles import checked_name
    from ..sessions.collection import Collection
    from ..sessions.report import save_report, show_report
    from ..sessions.session import SessionOptions, is_person

    # Without a terminal there is no width to fit: tables must not be cut in a log.
    # Ended by a supervisor or `timeout`, a session must stop its robot just as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terminal = Console(width=None if sys.stdout.isatty() else 140, stderr=options.json)
    session = SessionOptions(
        dataset=options.dataset,
        task=options.task,
        episodes=options.episodes,
        robot=options.robot,
        operator=options.operator,
        operator_skill=options.operator_skill,
        operator_name=checked_name(options.operator_name) if options.operator_name else "",
        supervisor=options.supervisor or _supervisor_of(options),
        checkpoint=options.policy or "",
        shadow=options.shadow,
        failure_calibration=options.failure_calibration,
        auto_pause=options.auto_pause,
        protocol=options.protocol,
        takeover=options.takeover,
        takeover_groups=options.takeover_groups,
        motion_scale=options.motion_scale,
        simulated_robot=options.sim,
        console_port=None if options.headless else options.console_port,
        headset_host=options.headset_host,
        headset_port=options.headset_port,
        cameras=tuple(name for name in options.cameras.split(",") if name),
        camera_codec=options.camera_codec,
        seed=options.seed,
        time_limit_s=options.time_limit,
        policy=options.policy != "none",
    )
    if not kernels.compiled():
        terminal.print("compiling kinematics and command filter, once: about a minute", highlight=False)
        kernels.compile_apart()
    with Collection(session) as collection:
        if collection.summary.console_url:
            terminal.print(f"console: {collection.summary.console_url}", highlight=False)
        if collection.headset_url:
            terminal.print(f"open in the headset's browser: {collection.headset_url}", highlight=False)
        if is_person(options.operator) or (options.operator_name and options.operator.startswith("replay:")):
            hint = calibration_hint(options.operator_name, options.operator, collection.profile)
            if hint:
                terminal.print(f"hint: {hint}", highlight=False, soft_wrap=True)
        for path in collection.summary.recovered:
            terminal.print(f"recovered an episode that a crash had cut short: {path}", highlight=False)
        summary = collection.run(_progress_bar(terminal, session.episodes))
        note = collection.note
    saved = save_report(summary)
    if options.json:
        print(saved.read_text(encoding="utf-8"), end="")
    else:
        show_report(summary, note, terminal)
    if summary.stopped:
        print(f"rove: {summary.stopped}", file=sys.stderr)
        return summary.exit_code
    return 0 if summary.ticks_lost == 0 else 3


def _supervisor_of(options: argparse.Namespace) -> str:
    """Who marks the outcome where nobody was named: people where there is a console, else whoever can."""
    from ..sessions.session import is_person

    if options.operator != "none" and not is_person(options.operator):
        return "simulated"
    if not options.headless:
        return "console"
    if options.sim and options.operator == "none":
        return "simulated"
    raise UsageError(
        f"--headless with --operator {options.operator}: without the console nobody says how an episode ended, so it "
        "would never end; leave --headless out, or say --supervisor console if another program calls control's services"
    )


def _progress_bar(terminal: Any, episodes: int) -> Callable[[Any, dict[str, object]], None]:
    """A bar on a terminal; elsewhere one line per finished episode."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=terminal, transient=True)
    row = bar.add_task("starting", total=episodes)
    if terminal.is_terminal:
        bar.start()
    told = 0

    def show(summary: Any, status: dict[str, object]) -> None:
        nonlocal told
        done = len(summary.episodes)
        counts = (
            f"episodes {done}/{episodes}  successes {summary.count('success')}  "
            f"takeovers {summary.takeovers}  lost {summary.ticks_lost}"
        )
        bar.update(row, completed=done, description=f"{counts}  [{status.get('authority', '?')}]")
        if done > told and not terminal.is_terminal:
            terminal.print(counts, highlight=False)
        told = done
        if done == episodes:
            bar.stop()

    return show


def replay_motion(options: argparse.Namespace) -> int:
    """A recorded person drives the simulated robot: tracking, retargeting, handover, filter, robot."""
    from ..operators.motion_source import open_motion

    motion = open_motion(options.motion)
    if not motion.duration_s <= 3597.0:
        lasts = f"{options.motion}: lasts {motion.duration_s:.0f} s"
        raise UsageError(f"{lasts}, and a session at most an hour (are its stamps in its format's unit?)")
    options.operator, options.operator_skill = f"replay:{options.motion}", DEFAULT_SKILL
    options.supervisor, options.policy, options.shadow = "teleoperate", "none", ""
    options.failure_calibration, options.auto_pause, options.camera_codec = "", False, "jpeg"
    options.protocol, options.takeover, options.takeover_groups, options.sim = "complete", "anchored", "", True
    options.motion_scale = 1.0
    options.episodes, options.seed = 1, 0
    options.headset_host, options.headset_port = "", 0
    options.time_limit = motion.duration_s + 3.0
    return collect(options)
