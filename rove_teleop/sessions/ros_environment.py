"""Where ROS 2 messages go without a choice of the user's: over loopback UDP, never off this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError

PROFILE = Path(__file__).parents[1] / "nodes" / "loopback.xml"
"""A Fast DDS profile whose only transport is UDP on 127.0.0.1."""
RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
PROFILES = "FASTDDS_DEFAULT_PROFILES_FILE"
PROFILE_NAMES = (PROFILES, "FASTRTPS_DEFAULT_PROFILES_FILE")
CHOICES = (RANGE, TRANSPORTS, *PROFILE_NAMES, "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER")
"""Whoever sets one of these has a network in mind, which the profile would cut off."""

LAST_DOMAIN = 232
"""Above it DDS has no ports."""

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


def only_session() -> socket.socket:
    """A claim to this machine's sessions in this ROS domain, until it is closed or its process dies.

    Two sessions in one domain would call each other's control and reset each other's world.

    Raises:
        UsageError: another session has it, or the domain is none.
    """
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not (domain.isdecimal() and int(domain) <= LAST_DOMAIN):
        raise UsageError(f"ROS_DOMAIN_ID={domain} is not a whole number from 0 to {LAST_DOMAIN}")
    # A name of the kernel's, not a file: nothing is left behind, and loopback is shared by all users as well.
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0rove_session_{domain}")
    except OSError as error:
        claim.close()
        raise UsageError(
            f"another session is running on this machine in ROS domain {domain}: end it, or give this one another "
            "domain (environment variable ROS_DOMAIN_ID)"
        ) from error
    return claim
