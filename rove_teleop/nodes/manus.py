"""Gloves on ROS 2 topics: Manus' own message where its package is installed, PoseArray from anybody else's bridge."""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import Pose, PoseArray
from rclpy.context import Context
from rclpy.node import Node

from ..clock import Pacer, monotonic_s
from ..robot_io.topics import PolledSubscription
from ..tracking.gate import GateLimits
from ..tracking.mocap.glove import GloveHand
from ..types import SIDES, Array, HandFrame, OperatorFrame, Side

GLOVE_TOPICS = tuple(f"manus_glove_{k}" for k in range(4))
"""Where Manus' node publishes; each message says whose hand it is."""
POSE_TOPICS: Mapping[Side, str] = {"left": "manus/left", "right": "manus/right"}
LOOK_PERIOD_S = 0.002
MAX_AGE_S = 0.1
"""A glove that is silent for longer has lost its hand."""


class Gloves:
    """A tracker of fingers and wrist orientation; it has its own ROS context, so it also works outside of a node."""

    limits = GateLimits()

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._context = Context()
        rclpy.init(context=self._context)
        self._node = Node("rove_gloves", context=self._context)
        self._poses = {side: PolledSubscription(self._node, PoseArray, name) for side, name in POSE_TOPICS.items()}
        kind = glove_message()
        self._gloves = [] if kind is None else [PolledSubscription(self._node, kind, name) for name in GLOVE_TOPICS]
        self._views = {side: GloveHand(side, self._counts) for side in SIDES}
        self._hands: dict[Side, tuple[float, HandFrame]] = {}
        self._newest: OperatorFrame | None = None
        self._sequence = 0
        self._pacer = Pacer(LOOK_PERIOD_S)

    def wait(self, timeout_s: float) -> None:
        until_s = monotonic_s() + timeout_s
        while not self.look(monotonic_s()) and monotonic_s() < until_s:
            self._pacer.wait()

    def look(self, now_s: float) -> bool:
        """Take what has arrived; True when a hand is new."""
        new = False
        for side, subscription in self._poses.items():
            message = subscription.take()
            new |= message is not None and self._take(side, *_nodes(message.poses), now_s)
        for subscription in self._gloves:
            message = subscription.take()
            new |= message is not None and self._take_glove(message, now_s)
        if new:
            self._sequence += 1
            self._counts["frames"] += 1
            self._newest = OperatorFrame(now_s, self._sequence, self.hand("left", now_s), self.hand("right", now_s))
        return new

    def hand(self, side: Side, now_s: float) -> HandFrame:
        """The newest of this glove; nothing tracked when it has been silent."""
        stamp_s, hand = self._hands.get(side, (-math.inf, HandFrame()))
        return hand if now_s - stamp_s <= MAX_AGE_S else HandFrame()

    def frame(self, now_s: float, view: object) -> OperatorFrame | None:
        newest, self._newest = self._newest, None
        return newest

    def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    def problem(self) -> str | None:
        if self._counts["frames"]:
            return None
        topics = [*POSE_TOPICS.values(), *(GLOVE_TOPICS if self._gloves else ())]
        refused = ", ".join(f"{count} {reason}" for reason, count in self._counts.items())
        return f"manus: no hand has come on {', '.join(topics)}{f' ({refused})' if refused else ''}"

    def close(self) -> None:
        self._node.destroy_node()
        self._context.try_shutdown()

    def _take_glove(self, message: Any, now_s: float) -> bool:
        side = side_of(message.side)
        if side is None:
            self._counts["unknown_side"] += 1
            return False
        return self._take(side, *glove_nodes(message), now_s)

    def _take(self, side: Side, place_m: Array, wrist_wxyz: Array, now_s: float) -> bool:
        hand = self._views[side].hand(place_m, wrist_wxyz)
        if hand is not None:
            self._hands[side] = now_s, hand
        return hand is not None


class WithGloves:
    """A body tracker whose hands get their fingers from gloves; everything else is the body tracker's."""

    def __init__(self, body: Any, gloves: Gloves) -> None:
        self.limits = body.limits
        self._body, self._gloves = body, gloves

    def wait(self, timeout_s: float) -> None:
        self._body.wait(timeout_s)

    def frame(self, now_s: float, view: object) -> OperatorFrame | None:
        self._gloves.look(now_s)
        frame: OperatorFrame | None = self._body.frame(now_s, view)
        if frame is None:
            return None
        left, right = (replace(frame.hand(s), points_m=self._gloves.hand(s, now_s).points_m) for s in SIDES)
        return replace(frame, left=left, right=right)

    def counts(self) -> Mapping[str, int]:
        return {**self._body.counts(), **{f"glove_{key}": count for key, count in self._gloves.counts().items()}}

    def problem(self) -> str | None:
        problem: str | None = self._body.problem() or self._gloves.problem()
        return problem

    def close(self) -> None:
        self._body.close()
        self._gloves.close()


def glove_message() -> type | None:
    """Manus' message where its package is sourced; it is in no wheel, so it cannot be required."""
    try:
        return getattr(importlib.import_module("manus_ros2_msgs.msg"), "ManusGlove", None)
    except ModuleNotFoundError:
        return None


def side_of(word: str) -> Side | None:
    """``Left``, ``left``, ``L`` → left."""
    sides: dict[str, Side] = {"l": "left", "left": "left", "r": "right", "right": "right"}
    return sides.get(word.strip().lower())


def glove_nodes(message: Any) -> tuple[Array, Array]:
    """Places (n, 3) of a ManusGlove's nodes in the order of their numbers, and the first one's quaternion."""
    return _nodes([node.pose for node in sorted(message.raw_nodes, key=lambda node: node.node_id)])


def _nodes(poses: list[Pose]) -> tuple[Array, Array]:
    place_m = np.array([(pose.position.x, pose.position.y, pose.position.z) for pose in poses], dtype=np.float64)
    if not poses:
        return np.zeros((0, 3)), np.zeros(4)
    q = poses[0].orientation
    return place_m, np.array([q.w, q.x, q.y, q.z])
