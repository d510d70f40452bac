"""The recorder process: rows from control, images, chunks and device frames from ROS 2, commands on stdin."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray, String, UInt8MultiArray
from trajectory_msgs.msg import JointTrajectory

from ..clock import Pacer, monotonic_s
from ..episodes.camera_layout import CODECS
from ..episodes.dataset import Dataset, WriterLock
from ..episodes.record.recorder_session import RecorderSession
from ..episodes.record.records import ChunkRecord
from ..episodes.record.recover import RecoveredEpisode, recover_dataset
from ..episodes.record.row_socket import RowSocket
from ..errors import MessageRefused, RoveError, UsageError
from ..robot_io import topics
from ..robot_io.chunks import read_chunk
from ..robot_io.features import read_features
from ..robot_io.joints import JointOrder
from ..types import TRUE_IMPERFECTION_EVENT, TRUE_STATE_EVENT, Event
from .camera_input import CameraInput
from .support import Every, Spinner, Stop, diagnostic, run_node

POLL_PERIOD_S = 0.005
_SWITCH_INTERVAL_S = 0.0005


class RecorderNode(Node):
    """Polls the topics that belong in an episode, and reports once a second."""

    def __init__(self, session: RecorderSession, cameras: list[str], codec: str) -> None:
        super().__init__("rove_recorder")
        self.session = session
        self.cameras = [CameraInput(self, name, session.intake, codec) for name in cameras]
        self._chunks = topics.PolledSubscription(self, JointTrajectory, topics.POLICY_CHUNK)
        self._shadow = topics.PolledSubscription(self, JointTrajectory, topics.POLICY_SHADOW_CHUNK)
        self._frames = topics.PolledSubscription(self, UInt8MultiArray, topics.OPERATOR_FRAME, topics.STREAM)
        self._task = topics.PolledSubscription(self, Float64MultiArray, topics.TASK_STATE)
        self._person = {
            TRUE_STATE_EVENT: topics.PolledSubscription(self, String, topics.SIM_OPERATOR, topics.STREAM),
            TRUE_IMPERFECTION_EVENT: topics.PolledSubscription(
                self, String, topics.SIM_OPERATOR_IMPERFECTION, topics.STREAM
            ),
        }
        self._diagnostics = self.create_publisher(DiagnosticArray, topics.DIAGNOSTICS, topics.REPORTS)
        self._order: JointOrder | None = None
        self._due = Every(1.0)

    def step(self, now_s: float) -> None:
        """Take everything but images that arrived; stamp it with the time of this poll."""
        intake = self.session.intake
        for message in self._chunks.take_all():
            self._take_chunk(message, now_s)
        for message in self._shadow.take_all():
            self._take_chunk(message, now_s, shadow=True)
        for message in self._frames.take_all():
            intake.tracking(bytes(message.data), now_s)
        for message in self._task.take_all():
            try:
                intake.task_state(now_s, *read_features(message))
            except MessageRefused as refusal:
                intake.event(Event(now_s, "task_state_refused", str(refusal)))
        for kind, told in self._person.items():
            for message in told.take_all():
                intake.event(Event(now_s, kind, message.data))
        intake.check()
        if self._due.due(now_s):
            for camera in self.cameras:
                camera.choose_topic()
            self._report()

    def _take_chunk(self, message: JointTrajectory, now_s: float, shadow: bool = False) -> None:
        names = self.session.joint_names
        if names is None:
            return
        if self._order is None or self._order.joint_names != names:
            self._order = JointOrder(names)
        try:
            chunk = read_chunk(message, self._order, now_s)
        except MessageRefused as refusal:
            self.session.intake.event(Event(now_s, "chunk_refused", str(refusal)))
            return
        stamp_s = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        self.session.intake.chunk(ChunkRecord(now_s, stamp_s, chunk.offset_s, chunk.joint_index, chunk.q_rad, shadow))

    def _report(self) -> None:
        status = self.session.status()
        counts = status.pop("counts")
        problem = status["failed"] or status["refusal"]
        self._diagnostics.publish(diagnostic("rove_recorder", problem, {**status, **counts}))


class Replies:
    """JSON lines on stdout, whole lines even when two threads answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, answer: dict[str, Any]) -> None:
        with self._lock:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def drain_rows(rows: RowSocket, session: RecorderSession, stop: Stop) -> None:
    """Rows are written the moment they arrive, whatever the other threads do."""
    try:
        while not stop.requested:
            data = rows.receive()
            if data is not None:
                session.intake.datagram(data)
    finally:
        # Without rows there is no recorder: whoever started it must see it end.
        stop.requested = True


def take_images(cameras: list[CameraInput], stop: Stop) -> None:
    """Images are large: on a thread of their own they hold up neither rows nor tracking."""
    pacer = Pacer(POLL_PERIOD_S)
    try:
        while not stop.requested:
            pacer.wait()
            for camera in cameras:
                camera.take(monotonic_s())
    finally:
        stop.requested = True


def answer_commands(session: RecorderSession, reply: Replies, stop: Stop) -> None:
    """One answer per line on stdin; the end of stdin means that the session is gone."""
    pending = b""
    try:
        while not stop.requested:
            if not select.select([0], [], [], 0.1)[0]:
                continue
            data = os.read(0, 65536)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                reply(session.command(line.decode(errors="replace")))
            if not data:
                return
    finally:
        stop.requested = True


def run(options: argparse.Namespace, stop: Stop) -> None:
    """Recover, open the socket, then record until stdin ends or a signal comes."""
    cameras = [name for name in options.cameras.split(",") if name]
    if not all(name.isidentifier() for name in cameras) or len(set(cameras)) != len(cameras):
        raise UsageError(f"--cameras {options.cameras}: names of letters, digits and _, each once, with commas between")
    # The row thread must get the interpreter within its 40 ms even while an episode is being sealed.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    root, reply = Path(options.dataset), Replies()
    try:
        if options.camera_codec == "h264":
            # Whoever lacks the encoder is told before the session begins.
            importlib.import_module("rove_teleop.episodes.record.h264")
        Dataset.create(root)
        with WriterLock(root) as lock:
            recovered = recover_dataset(root, lock)
            rows = RowSocket(Path(options.socket))
            free = options.min_free_mb * 1_000_000
            codec = options.camera_codec
            session = RecorderSession(root, lock, reply, tuple(cameras), camera_codec=codec, min_free_bytes=free)
            record(session, RecorderNode(session, cameras, codec), rows, reply, recovered, stop)
    except RoveError as error:
        reply({"error": str(error)})
        raise


def record(
    session: RecorderSession,
    node: RecorderNode,
    rows: RowSocket,
    reply: Replies,
    recovered: list[RecoveredEpisode],
    stop: Stop,
) -> None:
    """Four threads until one of them is asked to stop: rows, images, commands, and here the topics."""
    threads = [
        threading.Thread(target=drain_rows, args=(rows, session, stop), name="rows"),
        threading.Thread(target=take_images, args=(node.cameras, stop), name="images"),
        threading.Thread(target=answer_commands, args=(session, reply, stop), name="commands"),
    ]
    for thread in threads:
        thread.start()
    try:
        reply({"ready": {"recovered": [episode.to_json() for episode in recovered]}})
        poll_topics(node, stop)
    finally:
        stop.requested = True
        for thread in threads:
            thread.join()
        last = session.finish()
        if last is not None:
            reply(last)
        rows.close()
        node.destroy_node()


def poll_topics(node: RecorderNode, stop: Stop) -> None:
    """Poll until asked to stop."""
    spinner = Spinner(node)
    services = Every(0.1)
    pacer = Pacer(POLL_PERIOD_S)
    while not stop.requested:
        pacer.wait()
        now_s = monotonic_s()
        node.step(now_s)
        if services.due(now_s):
            spinner.spin()
    spinner.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="rove_recorder", description=__doc__)
    parser.add_argument("--dataset", required=True, help="folder of the dataset, made where there is none")
    parser.add_argument("--socket", required=True, help="path of the Unix socket for control's rows")
    parser.add_argument("--cameras", default="", help="names with commas between (default: none)")
    parser.add_argument("--camera-codec", choices=CODECS, default="jpeg", help="of images (default %(default)s)")
    parser.add_argument("--min-free-mb", type=int, default=1000, help="free disk to begin (default %(default)s)")
    return run_node(parser, run)


if __name__ == "__main__":
    sys.exit(main())
