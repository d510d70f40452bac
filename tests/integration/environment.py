"""The environment of every ROS process in these tests: the loopback that sessions use, one math thread."""

from __future__ import annotations

from rove_teleop.sessions.ros_environment import ros_defaults

ENVIRONMENT = {**ros_defaults({}), "OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}
