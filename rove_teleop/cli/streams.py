"""Streams without a session: record-motion, retarget, filter."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import counter, port, seconds

if TYPE_CHECKING:
    from ..tracking.gate import GateLimits
    from ..types import OperatorFrame


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    command = subparsers.add_parser("record-motion", help="a tracking device to a motion file, without a session")
    command.add_argument("--operator", metavar="DEVICE", required=True, help="as for collect")
    command.add_argument("--seconds", type=seconds, default=30.0, help="from the first frame (default %(default)s)")
    command.add_argument("--out", type=Path, required=True, help="file.npz")
    command.add_argument("--headset-host", default="", help="address of the page of --operator webxr, as for collect")
    command.add_argument("--headset-port", type=port, default=8443, help="0 takes a free one (default %(default)s)")
    command.set_defaults(run=record_motion)
    command = subparsers.add_parser("retarget", help="a motion file or an episode's operator to joint angles")
    command.add_argument("motion", type=Path, help="motion file, or DATASET/episodes/ID.zarr")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--out", type=Path, required=True, help="file.npz")
    command.add_argument("--plot", type=Path, help="also draw residuals, joint ranges and speeds into this PNG")
    command.set_defaults(run=retarget)
    command = subparsers.add_parser("filter", help="a stream of joint targets: what the robot would be sent")
    command.add_argument("stream", type=Path, help="file.npz: joint_names, stamp_s, q_rad, optional source")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--out", type=Path, required=True, help="file.npz: one row per control tick")
    command.add_argument("--path", type=Path, metavar="FILE.yaml", help="another path than the robot's live one")
    command.set_defaults(run=filter_targets)


def retarget(options: argparse.Namespace) -> int:
    """A motion file to joint angles of a robot, off-line."""
    import numpy as np

    from ..arrays_file import save_npz
    from ..operators.motion_source import open_motion
    from ..retargeting.offline import retarget_motion
    from ..robots.description import load_robot

    motion, robot = open_motion(options.motion), load_robot(options.robot)
    result = retarget_motion(motion, robot, counter("frame"))
    save_npz(options.out, result, options.motion)
    if options.plot is not None:
        from ..plots.retargeting import plot_retargeting

        plot_retargeting(result, robot, options.plot, f"{options.motion.name} on {robot.name}")
    print(f"{options.out}: {len(result['stamp_s'])} frames for the {robot.joint_count} joints of {robot.name}")
    for part, key in (("wrist", "residual_m"), ("fingertip", "fingertip_residual_m")):
        residual_m = result[key].astype(np.float64)
        if np.any(residual_m > 0.0):
            median, most = 1000.0 * np.percentile(residual_m, (50, 90))
            print(f"{part} residual, worst per frame: median {median:.1f} mm, 90th percentile {most:.1f} mm")
    for note in motion.notes:
        print(f"note: {note}")
    if not np.any(result["valid"]):
        print(f"note: nothing that is tracked in this recording drives a joint of {robot.name}: it stays at home")
    print(f"note: {robot.note}")
    return 0


def record_motion(options: argparse.Namespace) -> int:
    """Every frame of a tracking device into a file, without a session or a robot. Ctrl-C keeps what has come."""
    from ..errors import UsageError
    from ..operators.headset_page import headset_page
    from ..operators.motion_recording import save_recording
    from ..tracking.gate import FrameGate

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
    from ..clock import monotonic_s
    from ..nodes.trackers import View, make_tracker
    from ..operators.motion_recording import record_frames
    from ..robots.description import load_robot

    robot = load_robot("iron_r01")
    tracker = make_tracker(device, robot, "toaster")
    view = View(robot.home_rad, None, (), driving=True)  # who is recorded plays at once
    frames: list[OperatorFrame] = []
    show, limit_s = counter("second"), round(seconds)

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
    from ..arrays_file import save_npz
    from ..control.path_config import live_path_config, load_path_config
    from ..filter_lab.filter_stream import filter_stream, limit_arrays
    from ..filter_lab.stream import load_stream
    from ..robots.description import load_robot

    robot = load_robot(options.robot)
    config = load_path_config(options.path) if options.path else live_path_config(robot.folder)
    result = filter_stream(load_stream(options.stream, robot), robot, config=config)
    save_npz(
        options.out,
        {**limit_arrays(robot, config), "stamp_s": result.stamp_s, "q_rad": result.q_rad, "reason": result.reason},
        options.stream,
    )
    print(f"{options.out}: {len(result.stamp_s)} ticks of {robot.joint_count} joints at {robot.control_hz:g} Hz")
    for reason, count in sorted(result.refused.items()):
        print(f"refused: {count} rows ({reason})")
    return 0
