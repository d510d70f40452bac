"""What each command of the command line does; heavy imports wait until a command needs them."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import MissingDependency

if TYPE_CHECKING:
    from .tracking.gate import GateLimits
    from .types import OperatorFrame

# --- collect ---


def collect(options: argparse.Namespace) -> int:
    """Run a session, show its progress, print its report."""
    from rich.console import Console

    from . import kernels
    from .collection import Collection
    from .operator_profiles import checked_name
    from .profile_store import calibration_hint
    from .report import save_report, show_report
    from .session import SessionOptions, is_person

    # Without a terminal there is no width to fit: tables must not be cut in a log.
    # Ended by a supervisor or `timeout`, a session must stop its robot just as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terminal = Console(width=None if sys.stdout.isatty() else 140, stderr=options.json)
    attended = options.operator == "none" or is_person(options.operator)
    session = SessionOptions(
        dataset=options.dataset,
        task=options.task,
        episodes=options.episodes,
        robot=options.robot,
        operator=options.operator,
        operator_name=checked_name(options.operator_name) if options.operator_name else "",
        supervisor=options.supervisor or ("console" if attended else "simulated"),
        checkpoint=options.policy or "",
        protocol=options.protocol,
        takeover=options.takeover,
        takeover_groups=options.takeover_groups,
        motion_scale=options.motion_scale,
        simulated_robot=options.sim,
        console_port=None if options.headless else options.console_port,
        headset_host=options.headset_host,
        headset_port=options.headset_port,
        cameras=tuple(name for name in options.cameras.split(",") if name),
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
    from .motion_source import open_motion

    motion = open_motion(options.motion)
    options.operator = f"replay:{options.motion}"
    options.supervisor, options.policy = "teleoperate", "none"
    options.protocol, options.takeover, options.takeover_groups, options.sim = "complete", "anchored", "", True
    options.motion_scale = 1.0
    options.episodes, options.seed = 1, 0
    options.headset_host, options.headset_port = "", 0
    options.time_limit = motion.duration_s + 3.0
    return collect(options)


# --- operators ---


def calibrate(options: argparse.Namespace) -> int:
    """Measure an operator, guided; or list and show those that are remembered."""
    from rich.console import Console

    from .calibration_report import show_profile
    from .profile_store import profile_names

    terminal = Console(width=None if sys.stdout.isatty() else 140, stderr=options.json)
    if options.list:
        names = profile_names()
        print(json.dumps({"operators": names}) if options.json else "\n".join(names) or "nobody is calibrated")
        return 0
    content = _remembered(options) if options.show else _measured(options, terminal)
    if options.json:
        print(json.dumps(content))
    else:
        show_profile(content, terminal)
    return 0


def _remembered(options: argparse.Namespace) -> dict[str, Any]:
    from .errors import UsageError
    from .operator_profiles import content_of
    from .profile_store import load_profile

    profile = load_profile(options.name or "")
    if profile is None:
        raise UsageError(f"{options.name} has not been calibrated: rove calibrate {options.name} --operator DEVICE")
    return content_of(profile)


def _measured(options: argparse.Namespace, terminal: Any) -> dict[str, Any]:
    """The profile that the guide has saved."""
    from .calibration_report import StepView
    from .errors import UsageError
    from .guided_calibration import CalibrationOptions, GuidedCalibration

    if not options.name or not options.operator:
        raise UsageError("rove calibrate needs the name of the operator, and --operator, the device to measure with")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = CalibrationOptions(
        name=options.name,
        operator=options.operator,
        robot=options.robot,
        only=options.only or "",
        console_port=None if options.headless else options.console_port,
        headset_host=options.headset_host,
        headset_port=options.headset_port,
    )
    with GuidedCalibration(asked) as calibration:
        for what, url in (("guide", calibration.console_url), ("in the headset's browser", calibration.headset_url)):
            if url:
                terminal.print(f"{what}: {url}", highlight=False)
        with StepView(terminal) as view:
            for message in calibration.messages():
                view.show(message)
    terminal.print(f"saved: {message['path']}", highlight=False)
    content: dict[str, Any] = message["profile"]
    return content


# --- data ---


def retarget(options: argparse.Namespace) -> int:
    """A motion file to joint angles of a robot, off-line."""
    import numpy as np

    from .arrays_file import save_npz
    from .motion_source import open_motion
    from .retargeting.offline import retarget_motion
    from .robots.description import load_robot

    motion, robot = open_motion(options.motion), load_robot(options.robot)
    result = retarget_motion(motion, robot, _counter("frame"))
    save_npz(options.out, result)
    if options.plot is not None:
        from .plots.retargeting import plot_retargeting

        plot_retargeting(result, robot, options.plot, f"{options.motion.name} on {robot.name}")
    print(f"{options.out}: {len(result['stamp_s'])} frames for the {robot.joint_count} joints of {robot.name}")
    for part, key in (("wrist", "residual_m"), ("fingertip", "fingertip_residual_m")):
        residual_m = result[key].astype(np.float64)
        if np.any(residual_m > 0.0):
            median, most = 1000.0 * np.percentile(residual_m, (50, 90))
            print(f"{part} residual, worst per frame: median {median:.1f} mm, 90th percentile {most:.1f} mm")
    for note in motion.notes:
        print(f"note: {note}")
    print(f"note: {robot.note}")
    return 0


def record_motion(options: argparse.Namespace) -> int:
    """Every frame of a tracking device into a file, without a session or a robot. Ctrl-C keeps what has come."""
    from .errors import UsageError
    from .headset_page import headset_page
    from .motion_recording import save_recording
    from .tracking.gate import FrameGate

    if options.operator in ("simulated", "none"):
        raise UsageError(f"--operator {options.operator} is nobody to record: name a device, or replay:FILE")
    if not options.out.parent.is_dir():
        raise UsageError(f"{options.out}: there is no folder {options.out.parent}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.operator == "webxr":
        with headset_page(options.headset_host, options.headset_port) as (device, url):
            print(f"open in the headset's browser: {url}", flush=True)
            frames, limits = _record(device, options.seconds, patience_s=600.0)
    else:
        frames, limits = _record(options.operator, options.seconds, patience_s=30.0)
    save_recording(options.out, frames)
    gate = FrameGate(limits)
    for frame in frames:
        gate.check(frame, frame.stamp_s)
    print(f"{options.out}: {len(frames)} frames in {frames[-1].stamp_s - frames[0].stamp_s:.1f} s")
    print(f"what the gate would refuse: {dict(gate.rejected) or 'nothing'}")
    return 0


def _record(device: str, seconds: float, patience_s: float) -> tuple[list[OperatorFrame], GateLimits]:
    """Frames of a device, until the time is over or Ctrl-C, and what the gate expects of them."""
    from .clock import monotonic_s
    from .motion_recording import record_frames
    from .nodes.trackers import View, make_tracker
    from .robots.description import load_robot

    robot = load_robot("iron_r01")
    tracker = make_tracker(device, robot, "toaster")
    view = View(robot.home_rad, None, (), driving=True)  # who is recorded plays at once
    frames: list[OperatorFrame] = []
    show, limit_s = _counter("second"), round(seconds)

    def next_frame(timeout_s: float) -> OperatorFrame | None:
        tracker.wait(timeout_s)
        return tracker.frame(monotonic_s(), view)

    def progress(elapsed_s: float, count: int) -> None:
        show(min(round(elapsed_s), limit_s - 1), limit_s, f"{count} frames")

    try:
        record_frames(next_frame, seconds, frames, tracker.problem, patience_s, progress)
    except KeyboardInterrupt:
        if not frames:
            raise
    finally:
        tracker.close()
    return frames, tracker.limits


def filter_targets(options: argparse.Namespace) -> int:
    """A stream of joint targets through smoothing, handover and command filter, off-line."""
    from .arrays_file import save_npz
    from .filter_lab.filter_stream import filter_stream, limit_arrays
    from .filter_lab.stream import load_stream
    from .path_config import live_path_config, load_path_config
    from .robots.description import load_robot

    robot = load_robot(options.robot)
    config = load_path_config(options.path) if options.path else live_path_config(robot.folder)
    result = filter_stream(load_stream(options.stream, robot), robot, config=config)
    save_npz(
        options.out,
        {**limit_arrays(robot, config), "stamp_s": result.stamp_s, "q_rad": result.q_rad, "reason": result.reason},
    )
    print(f"{options.out}: {len(result.stamp_s)} ticks of {robot.joint_count} joints at {robot.control_hz:g} Hz")
    for reason, count in sorted(result.refused.items()):
        print(f"refused: {count} rows ({reason})")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Check every byte of a dataset."""
    from .episodes.verify import verify_dataset

    report = verify_dataset(options.dataset)
    if options.json:
        print(json.dumps(asdict(report), indent=1, default=str))
    else:
        for episode in report.episodes:
            for problem in episode.broken:
                print(f"broken  {episode.id}: {problem}")
            for problem in episode.lossy:
                print(f"lossy   {episode.id}: {problem}")
        for name in report.orphans:
            print(f"waits for recovery: {name}")
        print(f"{len(report.episodes)} episodes, exit code {report.exit_code}")
    return int(report.exit_code)


def recover(options: argparse.Namespace) -> int:
    """Seal what a crash left."""
    from .episodes.recover import recover_dataset

    recovered = recover_dataset(options.dataset)
    if options.json:
        print(json.dumps({"recovered": [item.to_json() for item in recovered]}))
        return 0
    for item in recovered:
        print(f"{item.id}: {item.rows} rows, {item.frames} frames" + (f"; {item.problem}" if item.problem else ""))
    print(f"{len(recovered)} recordings recovered")
    return 0


def list_episodes(options: argparse.Namespace) -> int:
    """One line per sealed episode, and the totals."""
    from .episodes.dataset import Dataset
    from .episodes.read import open_episode, statistics

    episodes = [open_episode(path) for path in Dataset.open(options.dataset).episodes()]
    totals = statistics(episodes)
    if options.json:
        rows = [{**episode.attributes, "path": str(episode.path)} for episode in episodes]
        print(json.dumps({"episodes": rows, "statistics": asdict(totals)}, default=str))
        return 0
    for episode in episodes:
        a = episode.attributes
        print(
            f"{episode.id}  {a['task']:<10} {a['outcome']:<9} {a['status']:<9} rows {a['rows']}  lost {a['ticks_lost']}"
        )
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in totals.phase_share.items())
    print(f"{totals.episodes} episodes: {totals.outcomes}; phases: {shares or 'none'}")
    return 0


# --- robots and policies ---


def show_robot(options: argparse.Namespace) -> int:
    """What a robot config says, after all its checks."""
    from .robots.description import load_robot

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
    """Success of a policy alone, with its interval."""
    from .evaluation import FIRST_SEED, evaluate
    from .policy.local import load_policy, shipped_checkpoint
    from .robots.description import load_robot

    robot = load_robot(options.robot)
    path = Path(options.policy) if options.policy else shipped_checkpoint(options.task)
    policy = load_policy(path, robot, 0)
    result = evaluate(
        robot, options.task, policy, options.episodes, FIRST_SEED + options.seed, progress=_counter("episode")
    )
    low, high = result.interval
    if options.json:
        counts = {"successes": result.successes, "episodes": result.episodes, "interval": [low, high]}
        print(json.dumps({"task": result.task, **counts, "failures": result.failures, "notes": result.notes}))
        return 0
    print(result.sentence())
    print(f"failures: {result.failures}")
    print(f"note: {result.notes}")
    return 0


def base_policy(options: argparse.Namespace) -> int:
    """Demonstrations of the scripted expert, then behaviour cloning: how the shipped policies were made."""
    from .base_policy import train_base_policy
    from .models.checkpoint import save_checkpoint
    from .robots.description import load_robot

    show = _counter(options.task)
    checkpoint, demonstrations = train_base_policy(
        load_robot(options.robot),
        options.task,
        options.seed,
        lambda stage, done, total, remark: show(done, total, stage, remark),
    )
    save_checkpoint(options.out, checkpoint)
    size_mb = options.out.stat().st_size / 1e6
    print(f"{options.out}: {size_mb:.2f} MB from {len(demonstrations)} demonstrations")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """One line per thing that a session needs or can use; exit code 4 when a simulated session could not run."""
    from .doctor import QUESTIONS, Question, examine

    findings = []
    for question in (*QUESTIONS, Question("headset page", _headset_page)):
        findings += examine([question])
        if not options.json:
            last = findings[-1]
            state = "ok" if last.ok else "missing" if last.needed else "missing (optional)"
            print(f"{last.name:<14}{state}: {last.text}", flush=True)
    ready = all(finding.ok for finding in findings if finding.needed)
    if options.json:
        print(json.dumps({"ok": ready, "checks": [asdict(finding) for finding in findings]}, indent=2))
    return 0 if ready else MissingDependency.exit_code


def _headset_page() -> str:
    from .console.tls import config_folder

    folder = config_folder()
    if (folder / "headset.pem").is_file():
        return f"certificate in {folder}"
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        raise MissingDependency(
            f"{existing} cannot be written: the page for headsets keeps its certificate in {folder}"
        )
    return "its certificate is made by the first session with --operator webxr"


def _counter(what: str) -> Callable[..., None]:
    """A progress callback that rewrites one line on stderr, where stderr is a terminal."""

    def show(done: int, total: int, *more: object) -> None:
        if sys.stderr.isatty():
            extra = "  ".join(str(value) for value in more)
            print(f"\r{what} {done}/{total}  {extra}   ", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return show
