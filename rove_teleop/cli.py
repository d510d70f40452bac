"""The command line: arguments in, an exit code out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import __version__, commands, lab_commands
from .errors import MissingDependency, RoveError

INTERRUPTED = 130
EXIT_CODES = (
    "exit codes: 0 done, 1 failed or broken, 2 bad usage or input, 3 recovered or lossy, 4 missing dependency, "
    "130 stopped by the user"
)
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; every error on purpose is one sentence on stderr and its exit code."""
    options = parser().parse_args(arguments)
    command: Command = options.run
    try:
        return command(options)
    except RoveError as error:
        print(f"rove: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        # Only what is not ours: a robot PC may lack an extra, a bug of ours must not look like one.
        if (error.name or "").startswith("rove_teleop"):
            raise
        hint = "pip install 'rove_teleop[ros]', or source your ROS 2" if error.name == "rclpy" else "pip install it"
        print(f"rove: the package '{error.name}' is missing ({hint})", file=sys.stderr)
        return MissingDependency.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    result = argparse.ArgumentParser(
        prog="rove", description="Human-in-the-loop correction of a humanoid's policy.", epilog=EXIT_CODES
    )
    result.add_argument("--version", action="version", version=f"rove_teleop {__version__}")
    subparsers = result.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _session_commands(subparsers)
    _calibrate_command(subparsers)
    _data_commands(subparsers)
    _lab_commands(subparsers)
    _policy_commands(subparsers)
    command = subparsers.add_parser("doctor", help="what this machine lacks, and what to do about it")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=commands.doctor)
    return result


def _session_commands(subparsers: Any) -> None:
    demo = subparsers.add_parser(
        "demo", help="a simulated session: policy drives, fails, a simulated person takes over"
    )
    _session_arguments(demo, episodes=5)
    demo.set_defaults(run=commands.collect, sim=True)
    session = subparsers.add_parser("collect", help="a collection session")
    _session_arguments(session, episodes=20)
    session.add_argument("--sim", action="store_true", help="start the simulated robot (else yours must be running)")
    session.set_defaults(run=commands.collect)
    replay = subparsers.add_parser("replay-motion", help="a recorded person drives the simulated robot")
    replay.add_argument("motion", type=Path, help="motion file, or an episode (DATASET/episodes/ID.zarr)")
    replay.add_argument("--robot", default="iron_r01")
    replay.add_argument("--task", default="toaster", help="scene of the simulation (default %(default)s)")
    replay.add_argument("--dataset", type=Path, default=Path("datasets/replay"))
    replay.add_argument("--headless", action="store_true", help="no console")
    replay.add_argument("--console-port", type=_port, default=8080)
    replay.add_argument("--cameras", default="ego")
    replay.add_argument("--operator-name", metavar="NAME", default="", help="whose calibration to use")
    replay.add_argument("--json", action="store_true")
    replay.set_defaults(run=commands.replay_motion)


def _calibrate_command(subparsers: Any) -> None:
    command = subparsers.add_parser("calibrate", help="measure an operator's hands and arms, half a minute, guided")
    add = command.add_argument
    add("name", nargs="?", help="of the operator, for --operator-name of a session")
    add("--operator", metavar="DEVICE", help="as for collect; replay:FILE measures a recorded person")
    add("--robot", default="iron_r01", help="whose hands the residuals are for (default %(default)s)")
    add("--only", choices=("hands", "arms"), help="leave the rest out")
    add("--list", action="store_true", help="who is remembered")
    add("--show", action="store_true", help="what is remembered of NAME")
    add("--headless", action="store_true", help="no page, guided in the terminal only")
    add("--console-port", type=_port, default=8080, help="0 takes a free one (default %(default)s)")
    add("--headset-host", default="", help="address of the page of --operator webxr, as for collect")
    add("--headset-port", type=_port, default=8443, help="0 takes a free one (default %(default)s)")
    add("--json", action="store_true", help="print the profile as JSON, everything else on stderr")
    command.set_defaults(run=commands.calibrate)


def _session_arguments(command: argparse.ArgumentParser, episodes: int) -> None:
    add = command.add_argument
    add("--task", default="toaster", help="toaster or whiteboard (default %(default)s)")
    add("--episodes", type=int, default=episodes, help="how many (default %(default)s)")
    add("--dataset", type=Path, default=Path("datasets/demo"), help="folder (default %(default)s)")
    add("--operator", default="simulated", help="simulated, replay:FILE, webxr, openxr, xsens, ... (docs/devices.md)")
    add("--operator-name", metavar="NAME", default="", help="who that is: uses what rove calibrate NAME remembered")
    add("--headset-host", default="", help="webxr: this machine's address (default: the one on the local network)")
    add("--headset-port", type=_port, default=8443, help="webxr: 0 takes a free one (default %(default)s)")
    add("--supervisor", choices=("simulated", "console"), help="who pauses, switches and marks the outcome")
    add("--policy", metavar="CHECKPOINT", help="a checkpoint, or none (default: the shipped one of the task)")
    add("--protocol", choices=("complete", "hand_back", "end"), default="complete")
    add("--takeover", choices=("aligned", "anchored", "blend"), default="anchored")
    add("--motion-scale", type=_scale, default=1.0, help="metres of robot per metre of hand (not with aligned)")
    add("--takeover-groups", metavar="GROUPS", default="", help="what it takes: left_arm,left_hand (default: all)")
    add("--robot", default="iron_r01", help="name or folder (default %(default)s)")
    add("--cameras", default="ego", help="names with commas between; empty for none")
    add("--headless", action="store_true", help="no console")
    add("--console-port", type=_port, default=8080, help="0 takes a free one (default %(default)s)")
    add("--seed", type=int, help="start state of the first episode (default: continues the dataset)")
    add("--json", action="store_true", help="print the report as JSON, everything else on stderr")
    add("--time-limit", type=float, default=45.0, help="seconds after which a simulated supervisor gives up")


def _data_commands(subparsers: Any) -> None:
    command = subparsers.add_parser("record-motion", help="a tracking device to a motion file, without a session")
    command.add_argument("--operator", metavar="DEVICE", required=True, help="as for collect")
    command.add_argument("--seconds", type=_seconds, default=30.0, help="from the first frame (default %(default)s)")
    command.add_argument("--out", type=Path, required=True, help="file.npz")
    command.add_argument("--headset-host", default="", help="address of the page of --operator webxr, as for collect")
    command.add_argument("--headset-port", type=_port, default=8443, help="0 takes a free one (default %(default)s)")
    command.set_defaults(run=commands.record_motion)
    command = subparsers.add_parser("retarget", help="a motion file or an episode's operator to joint angles")
    command.add_argument("motion", type=Path, help="motion file, or DATASET/episodes/ID.zarr")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--out", type=Path, required=True, help="file.npz")
    command.add_argument("--plot", type=Path, help="also draw residuals, joint ranges and speeds into this PNG")
    command.set_defaults(run=commands.retarget)
    command = subparsers.add_parser("filter", help="a stream of joint targets: what the robot would be sent")
    command.add_argument("stream", type=Path, help="file.npz: joint_names, stamp_s, q_rad, optional source")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--out", type=Path, required=True, help="file.npz: one row per control tick")
    command.add_argument("--path", type=Path, metavar="FILE.yaml", help="another path than the robot's live one")
    command.set_defaults(run=commands.filter_targets)
    for name, run, text in (
        ("verify", commands.verify, "check every byte: exit 0 clean, 3 recovered or lossy, 1 broken"),
        ("recover", commands.recover, "seal what a crash left"),
    ):
        command = subparsers.add_parser(name, help=text)
        command.add_argument("dataset", type=Path)
        command.add_argument("--json", action="store_true")
        command.set_defaults(run=run)
    episodes = subparsers.add_parser("episodes", help="what a dataset holds").add_subparsers(required=True)
    command = episodes.add_parser("list", help="one line per episode")
    command.add_argument("dataset", type=Path)
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=commands.list_episodes)


def _lab_commands(subparsers: Any) -> None:
    lab = subparsers.add_parser(
        "lab",
        help="recorded sessions through other filters: compare, tune, promote (docs/filter_lab.md)",
        description="Recorded sessions or streams through other paths from targets to commands, off-line: compare "
        "candidates, search for better settings, make them live.",
    ).add_subparsers(required=True, metavar="COMMAND")
    run = lab.add_parser("run", help="every candidate on every session: scorecards, Pareto front, plots")
    run.add_argument("--candidates", type=Path, required=True, metavar="FILE.yaml", help="names and their settings")
    run.set_defaults(run=lab_commands.run)
    tune = lab.add_parser("tune", help="search for better settings, judged on episodes that the search did not see")
    tune.add_argument("--minimise", default="lag", metavar="FIGURE", help=lab_commands.FIGURES + " (default lag)")
    tune.add_argument(
        "--keep", action="append", metavar="FIGURE=FACTOR",
        help="keep a figure at or below this factor of the live one; again for more "
        "(default jerk=1 aligned_error=1 authority=1)",
    )  # fmt: skip
    tune.add_argument("--trials", type=_trials, default=120, metavar="N", help="paths to try (default %(default)s)")
    tune.add_argument("--seed", type=int, default=0, help="of the search (default %(default)s)")
    tune.set_defaults(run=lab_commands.tune)
    for command in (run, tune):
        command.add_argument(
            "sessions", type=Path, nargs="+", metavar="SESSION",
            help="a dataset's folder, an episode (.zarr), or a stream (.npz, as for rove filter)",
        )  # fmt: skip
        command.add_argument("--robot", default="iron_r01", help="of streams; episodes know theirs")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
        command.add_argument("--json", action="store_true", help="print the results as JSON, all else on stderr")
    promote = lab.add_parser("promote", help="make a chosen path live: shows the changes first, then asks")
    promote.add_argument("chosen", type=Path, help="chosen.yaml of rove lab tune, or one written by hand")
    target = promote.add_mutually_exclusive_group(required=True)
    target.add_argument("--robot", help="name or folder: its filter.yaml is what control reads")
    target.add_argument("--to", type=Path, metavar="FILE", help="another file")
    promote.add_argument("--yes", action="store_true", help="do not ask")
    promote.set_defaults(run=lab_commands.promote)


def _policy_commands(subparsers: Any) -> None:
    robot = subparsers.add_parser("robot", help="robot configs").add_subparsers(required=True)
    command = robot.add_parser("show", help="joints, groups and limits, after every check")
    command.add_argument("robot")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=commands.show_robot)
    command = subparsers.add_parser("evaluate", help="success of a policy alone, with its interval")
    command.add_argument("--task", default="toaster")
    command.add_argument("--episodes", type=int, default=200)
    command.add_argument("--policy", metavar="CHECKPOINT")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--seed", type=int, default=0, help="moves the range of evaluation seeds")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=commands.evaluate_policy)
    sim = subparsers.add_parser("sim", help="the simulator's own tools").add_subparsers(required=True)
    command = sim.add_parser("base-policy", help="make the shipped policy of a task again: demonstrate, then clone")
    command.add_argument("--task", default="toaster")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--out", type=Path, required=True, help="checkpoint file")
    command.add_argument("--seed", type=int, default=0)
    command.set_defaults(run=commands.base_policy)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (0.0 < seconds <= 86_400.0):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds up to a day")
    return seconds


def _trials(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number of trials, 1 to 100000")
    return int(text)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not (0.1 <= scale <= 3.0):
        raise argparse.ArgumentTypeError(f"{text} is not a scale from 0.1 to 3")
    return scale


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not (0 <= port <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return port


if __name__ == "__main__":
    sys.exit(main())
