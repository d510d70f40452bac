"""Where ROS 2 messages go without a choice of the user's: over loopback UDP, never off this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PROFILE = Path(__file__).parents[1] / "nodes" / "loopback.xml"
"""A Fast DDS profile whose only transport is UDP on 127.0.0.1."""
RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
PROFILES = "FASTDDS_DEFAULT_PROFILES_FILE"
PROFILE_NAMES = (PROFILES, "FASTRTPS_DEFAULT_PROFILES_FILE")
CHOICES = (RANGE, TRANSPORTS, *PROFILE_NAMES, "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER")
"""Whoever sets one of these has a network in mind, which the profile would cut off."""

# Their Fast DDS 2 looks for a profile only under the older name.
OLDER_DISTRIBUTIONS = ("humble", "iron", "jazzy")


def ros_defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to ``environment`` before ROS starts; what the user has set is never among them.

    Without any choice the profile alone decides. The discovery range is then ``SUBNET``, because Fast DDS 3.2 replaces
    the transports of a profile by shared memory under ``LOCALHOST``; the subnet is the one of the loopback interface.
    """
    if reads_profile(environment) and not any(environment.get(name) for name in CHOICES):
        return {RANGE: "SUBNET", PROFILES: str(PROFILE)}
    if environment.get(PROFILES) == str(PROFILE):
        # A session's process: its parent has decided.
        return {}
    # Shared memory keeps files of killed processes, and a process of root is not heard by other users.
    fallback = {RANGE: "LOCALHOST", TRANSPORTS: "UDPv4"}
    return {name: value for name, value in fallback.items() if not environment.get(name)}


def reads_profile(environment: Mapping[str, str]) -> bool:
    """Whether ROS reads our profile here: where it does not, ``SUBNET`` would let messages out."""
    return uses_fast_dds(environment) and environment.get("ROS_DISTRO") not in OLDER_DISTRIBUTIONS


def uses_fast_dds(environment: Mapping[str, str]) -> bool:
    """Whether the middleware is Fast DDS, the default of ROS 2."""
    return (environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp").startswith("rmw_fastrtps")


def prepare_ros() -> None:
    """Add the defaults to this process's environment; for its children too. Call it before ``rclpy.init``."""
    os.environ.update(ros_defaults(os.environ))
