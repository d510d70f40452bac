"""Watch a session from outside: plain rclpy, standard messages, nothing of rove_teleop.

    python examples/03_watch_session.py [--seconds 10]

Prints who drives and why whenever that changes, and once a second how often joints, commands and plans arrive.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

COUNTED = {
    "joint_states": JointState,
    "joint_commands": JointState,
    "operator/targets": JointState,
    "policy/chunk": JointTrajectory,
    "camera/ego/image_raw/compressed": CompressedImage,
}
SPOKEN = ("rove/state", "rove/phase", "rove/authority", "rove/reason")


class Watch(Node):
    """Counts streams; keeps the words that control says."""

    def __init__(self) -> None:
        super().__init__("watch_session")
        self.count: Counter[str] = Counter()
        self.words: dict[str, str] = {}
        for topic, message_type in COUNTED.items():
            self.create_subscription(
                message_type, topic, lambda _, t=topic: self.count.update([t]), QoSProfile(depth=5)
            )
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for topic in SPOKEN:
            self.create_subscription(String, topic, lambda m, t=topic: self._say(t, m.data), latched)

    def _say(self, topic: str, text: str) -> None:
        self.words[topic] = text
        print(f"{topic}: {text}", flush=True)

    def rates(self, duration_s: float) -> str:
        """Messages per second since the last call, for the streams that were heard."""
        text = "  ".join(f"{topic} {count / duration_s:.0f}/s" for topic, count in sorted(self.count.items()))
        self.count.clear()
        return text or "nothing heard"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.0, help="end after so long (default: at Ctrl-C)")
    end_s = time.monotonic() + (parser.parse_args().seconds or 1e9)
    rclpy.init()
    watch, last_s = Watch(), time.monotonic()
    try:
        while time.monotonic() < end_s:
            rclpy.spin_once(watch, timeout_sec=0.1)
            if time.monotonic() - last_s >= 1.0:
                print(watch.rates(time.monotonic() - last_s), flush=True)
                last_s = time.monotonic()
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        pass
    finally:
        watch.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
