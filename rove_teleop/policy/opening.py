"""One way to a policy: a checkpoint's file, or the address of a policy that runs elsewhere."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..robots.description import RobotDescription
from .protocol import Policy
from .remote.address import is_remote, read_address


def open_policy(text: str, robot: RobotDescription, seed: int = 0) -> Policy:
    """The policy that ``text`` names, bound to ``robot``.

    Raises:
        UsageError: no such file, or an address that cannot be one.
        CheckpointInvalid: it does not fit the robot; both sides are listed.
        PolicyUnavailable: nobody answers there.
    """
    if is_remote(text):
        return open_remote(text, robot)
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"policy {path}: there is no such file")
    # Only here: a machine whose policies run elsewhere needs no torch.
    from .local import load_policy

    return load_policy(path, robot, seed)


def open_remote(text: str, robot: RobotDescription) -> Policy:
    """The policy at an address, connected. Each protocol is imported only when it is spoken."""
    from .remote.policy import RemotePolicy

    address = read_address(text)
    if address.scheme == "zmq":
        from .remote.groot import GrootLink

        return RemotePolicy(GrootLink(address, robot), robot, address.deadline_s)
    if address.scheme == "lerobot":
        from .remote.lerobot_link import LerobotLink

        return RemotePolicy(LerobotLink(address, robot), robot, address.deadline_s)
    from .remote.openpi import OpenpiLink

    return RemotePolicy(OpenpiLink(address, robot), robot, address.deadline_s)
