"""To and from what trainers use: export, import."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import counter

if TYPE_CHECKING:
    from ..exchange.imported_episode import ImportReport


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    export = subparsers.add_parser("export", help="a dataset in a format that trainers use").add_subparsers(
        required=True, metavar="FORMAT"
    )
    command = export.add_parser("lerobot", help="LeRobotDataset v3.0")
    _add_choice(command)
    command.add_argument("--codec", choices=("h264", "jpeg"), default="h264", help="of images (default %(default)s)")
    command.add_argument("--split-at-cuts", action="store_true", help="every stretch without a cut is an episode")
    command.set_defaults(run=export_lerobot)
    command = export.add_parser("diffusion-policy", help="replay buffer of diffusion_policy (Zarr version 2)")
    _add_choice(command)
    command.set_defaults(run=export_buffer)
    command = export.add_parser("mcap", help="a rosbag2 folder with MCAP per episode, everything at its own rate")
    command.add_argument("dataset", type=Path)
    command.add_argument("out", type=Path, help="a new folder")
    command.add_argument("--episodes", type=_names, default=[], help="ids, a,b (default: all)")
    command.add_argument("--revision", type=_revision, help="labels as of this revision; 0: as recorded")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=export_bags)
    imported = subparsers.add_parser("import", help="episodes from what a lab has").add_subparsers(
        required=True, metavar="FORMAT"
    )
    command = imported.add_parser("lerobot", help="LeRobotDataset v3.0")
    _add_source(command)
    command.set_defaults(run=import_lerobot)
    command = imported.add_parser("diffusion-policy", help="replay buffer of diffusion_policy (a Zarr, also as .zip)")
    _add_source(command)
    command.add_argument("--fps", type=_rate, help="frames per second, where the buffer does not say it")
    command.add_argument("--task", default="", help="what was to be done, in words")
    command.set_defaults(run=import_buffer)
    command = imported.add_parser("egodex", help="videos of people with tracked hands (HDF5 and MP4), for critics only")
    command.add_argument("source", type=Path, help="a folder of NAME.hdf5 with NAME.mp4 beside them, or one file")
    command.add_argument("dataset", type=Path)
    command.add_argument("--robot", default="iron_r01", help="whose joints the hands are retargeted to")
    command.add_argument("--task", default="", help="the task's name (default: what the file says)")
    command.add_argument(
        "--outcome", metavar="success|failure|FILE", default="unknown", help="of all, or a CSV table: name, outcome"
    )
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=import_people)


def export_lerobot(options: argparse.Namespace) -> int:
    """Write a LeRobotDataset v3.0."""
    from ..exchange.lerobot_export import export_dataset

    report = export_dataset(
        options.dataset,
        options.out,
        choice_of(options),
        codec=options.codec,
        split_at_cuts=options.split_at_cuts,
        progress=counter("episodes"),
    )
    if options.json:
        print(json.dumps(report.to_json()))
    else:
        print(f"{options.out}: {report.episodes} episodes, {report.frames} frames at {options.fps} per second")
    return 0


def export_buffer(options: argparse.Namespace) -> int:
    """Write a replay buffer of diffusion_policy."""
    from ..exchange.diffusion_policy_export import export_buffer

    report = export_buffer(options.dataset, options.out, choice_of(options), progress=counter("episodes"))
    if options.json:
        print(json.dumps(report.to_json()))
    else:
        stretches = f"{report.sources} episodes in {report.episodes} stretches without a cut"
        print(f"{options.out}: {stretches}, {report.frames} frames at {options.fps} per second")
    return 0


def export_bags(options: argparse.Namespace) -> int:
    """Write rosbag2 folders."""
    from ..exchange.mcap_export import export_bags

    report = export_bags(options.dataset, options.out, options.episodes, options.revision, progress=counter("episodes"))
    if options.json:
        print(json.dumps(report.to_json()))
    else:
        print(f"{options.out}: {report.episodes} bags, {report.messages} messages")
    return 0


def import_lerobot(options: argparse.Namespace) -> int:
    """Seal every episode of a LeRobotDataset v3.0 as one of ours."""
    from ..exchange.joint_map import read_joint_map
    from ..exchange.lerobot_import import import_dataset
    from ..robots.description import load_robot

    joint_map = read_joint_map(options.map) if options.map else None
    report = import_dataset(
        options.source, options.dataset, load_robot(options.robot), joint_map, progress=counter("episodes")
    )
    return _imported(report, options)


def import_buffer(options: argparse.Namespace) -> int:
    """Seal every episode of a replay buffer as one of ours."""
    from ..exchange.diffusion_policy_import import import_buffer
    from ..exchange.joint_map import read_joint_map
    from ..robots.description import load_robot

    joint_map = read_joint_map(options.map) if options.map else None
    robot = load_robot(options.robot)
    report = import_buffer(
        options.source, options.dataset, robot, joint_map, options.fps, options.task, progress=counter("episodes")
    )
    return _imported(report, options)


def import_people(options: argparse.Namespace) -> int:
    """Seal every video of a person as an episode without a robot."""
    from ..people.videos import import_videos, read_outcomes
    from ..robots.description import load_robot

    table = Path(options.outcome)
    outcomes = read_outcomes(table) if table.suffix == ".csv" else options.outcome
    robot = load_robot(options.robot)
    report = import_videos(options.source, options.dataset, robot, options.task, outcomes, counter("videos"))
    if options.json:
        print(json.dumps(report.to_json()))
    else:
        print(f"{options.dataset}: {report.episodes} videos imported, {report.known} were there already")
        if report.unjudged:
            print(f"{report.unjudged} have no outcome, so no critic learns from them: --outcome, or rove edit")
        for name, why in report.refused.items():
            print(f"refused {name}: {why}")
    return 3 if report.refused else 0


def _imported(report: ImportReport, options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(report.to_json()))
        return 0
    print(f"{options.dataset}: {report.episodes} episodes imported, {report.known} were there already")
    if report.left_out:
        print(f"not taken over: {', '.join(report.left_out)}")
    return 0


def choice_of(options: argparse.Namespace) -> Any:
    """What ``_add_choice``'s arguments ask for, as an ``exchange.frames.Choice``."""
    from ..exchange.frames import TRAINED_OUTCOMES, TRAINED_PHASES, Choice, outcomes_named, phases_named

    return Choice(
        fps=options.fps,
        cameras=None if options.cameras is None else tuple(name for name in options.cameras if name != "none"),
        split=options.split,
        phases=TRAINED_PHASES if options.phases is None else phases_named(options.phases),
        outcomes=TRAINED_OUTCOMES if options.outcomes is None else outcomes_named(options.outcomes),
        revision=options.revision,
    )


def _add_choice(command: argparse.ArgumentParser) -> None:
    """Which frames of a dataset are exported, for every format that has one rate."""
    command.add_argument("dataset", type=Path)
    command.add_argument("out", type=Path, help="a new folder")
    command.add_argument("--fps", type=_rate, required=True, help="frames per second, the same for everything")
    command.add_argument("--cameras", type=_names, help="a,b or none (default: all)")
    command.add_argument("--split", default="", help="only episodes of this split (rove edit)")
    command.add_argument("--phases", type=_names, help="default: autonomous,adaptation,recovery")
    command.add_argument("--outcomes", type=_names, help="default: all but discarded")
    command.add_argument("--revision", type=_revision, help="labels as of this revision; 0: as recorded")
    command.add_argument("--json", action="store_true")


def _add_source(command: argparse.ArgumentParser) -> None:
    """Where episodes come from and whose joints they are about."""
    command.add_argument("source", type=Path)
    command.add_argument("dataset", type=Path, help="made where there is none")
    command.add_argument("--robot", default="iron_r01", help="whose joints these are (default %(default)s)")
    command.add_argument("--map", type=Path, metavar="FILE", help="YAML: our joint names to theirs (docs/exchange.md)")
    command.add_argument("--json", action="store_true")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _rate(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of frames per second, 1 to 1000")
    return int(text)


def _revision(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not the number of a revision")
    return int(text)
