"""The critic that watches one policy: in a file beside the policy's own, tied to its bytes, asked once per plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..errors import CheckpointInvalid
from ..types import Array
from .checkpoint import CheckpointHeader
from .critic import Critic, LiveValue, WatchedPolicy
from .critic_checkpoint import load_critic, save_critic

HASH_DIGITS = 16
"""As many as name a policy's calibration."""


def critic_path(policy: Path) -> Path:
    """``toaster.critic.safetensors`` beside ``toaster.safetensors``."""
    return policy.with_name(f"{policy.stem}.critic{policy.suffix}")


def is_critic(path: Path) -> bool:
    """Whether a file is called as a critic beside a policy is."""
    return path.stem.endswith(".critic")


def save_policy_critic(policy: Path, header: CheckpointHeader, critic: Critic) -> Path:
    """Write ``critic`` beside the file ``policy``, tied to the bytes that this has now.

    Raises:
        CheckpointInvalid: the policy cannot be read, or its features or cameras are not those of the critic.
    """
    tied = replace(critic, header=replace(critic.header, watches=_watched(policy, header)))
    path = critic_path(policy)
    _check(path, tied, policy, header)
    save_critic(path, tied)
    return path


def load_policy_critic(policy: Path, header: CheckpointHeader) -> PolicyCritic | None:
    """The critic beside ``policy``; None when there is none.

    Raises:
        CheckpointInvalid: it cannot be read, or it watches another policy, task, features or cameras: both sides are
            named.
    """
    path = critic_path(policy)
    if not path.is_file():
        return None
    critic = load_critic(path)
    _check(path, critic, policy, header)
    return PolicyCritic(critic)


class PolicyCritic:
    """What a policy's situation is worth, in reward units: the rewards still to come, so higher is better."""

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self._live: dict[str, LiveValue] = {said: critic.live(said) for said in critic.header.instructions}

    def value(self, features: Array, images: Mapping[str, Tensor], instruction: str) -> float | None:
        """Value of ``features`` (k,) and images (1, height, width, 3) by camera.

        None for an instruction that the critic was not trained on; one that knows a single one need not be told it.
        """
        known = self.critic.header.instructions
        live = self._live.get(instruction or (known[0] if len(known) == 1 else ""))
        if live is None:
            return None
        return live(features, {name: image[0].numpy() for name, image in images.items()})


def _watched(policy: Path, header: CheckpointHeader) -> WatchedPolicy:
    try:
        digest = hashlib.sha256(policy.read_bytes()).hexdigest()[:HASH_DIGITS]
    except OSError as error:
        raise CheckpointInvalid(f"{policy}: cannot be read ({error.strerror or error})") from error
    return WatchedPolicy(digest, header.task, header.feature_names)


def _check(path: Path, critic: Critic, policy: Path, header: CheckpointHeader) -> None:
    found, wanted = critic.header.watches, _watched(policy, header)
    if found is None:
        raise CheckpointInvalid(f"{path}: is a critic of no policy in particular, {policy.name} is {wanted.sha256}")
    sizes, cameras = critic.header.sizes, header.vision.cameras if header.vision else ()
    sides = (
        ("is for the task", f"'{found.task}'", f"'{wanted.task}'"),
        ("reads the features", list(found.feature_names), list(wanted.feature_names)),
        ("has a network for so many features:", sizes.scene, len(wanted.feature_names)),
        ("looks through the cameras", list(sizes.cameras), list(cameras)),
        ("watches the policy with hash", found.sha256, wanted.sha256),
    )
    for what, its, the_policys in sides:
        if its != the_policys:
            raise CheckpointInvalid(
                f"{path}: {what} {its}, but {policy.name} has {the_policys}: remove this critic, or train it again"
            )
