"""Where a critic's training starts: a new network, or one that goes on with a dataset of another range."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace

import torch

from ..errors import CheckpointInvalid, DatasetInvalid
from ..models.critic import Critic, ValueNetwork, ValueSizes
from .critic_data import Scales
from .segments import Segments
from .steps import EpisodeSteps

_SEEDING = threading.Lock()
"""New weights come from the one generator of the process; folds that train in several threads take turns with it."""


def instructions_of(episodes: Sequence[EpisodeSteps], initial: Critic | None = None) -> tuple[str, ...]:
    """All instructions in the order of their numbers: those of ``initial`` first, then new ones by name."""
    known = initial.header.instructions if initial is not None else ()
    return known + tuple(sorted({episode.instruction for episode in episodes} - set(known)))


def starting_scales(found: Segments, initial: Critic | None = None) -> Scales:
    """Scales of this dataset; with ``initial`` its scene normalisation stays, so that it sees what it saw.

    Raises:
        DatasetInvalid: scenes of another width than ``initial`` was trained on.
    """
    scales = Scales.fit(found)
    if initial is None:
        return scales
    if found.scene.shape[1] != initial.header.sizes.scene:
        raise DatasetInvalid(
            f"the episodes have {found.scene.shape[1]} scene features, "
            f"the critic to start from has {initial.header.sizes.scene}"
        )
    return replace(scales, scene_mean=initial.scene_mean, scene_scale=initial.scene_scale)


def starting_network(wanted: ValueSizes, scales: Scales, seed: int, initial: Critic | None = None) -> ValueNetwork:
    """A new network of the ``wanted`` sizes; or ``initial``'s, whatever its width, in the units of ``scales``.

    In reward units the latter starts as ``initial`` is. New instructions start as what it knows of none in
    particular. A distribution over another range of returns cannot be rescaled: its head starts anew.

    Raises:
        CheckpointInvalid: ``initial`` has other bins or looks through other cameras.
    """
    with _SEEDING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if initial is None:
            return ValueNetwork(wanted)
        return _continued(wanted, scales, initial)


def weights_fingerprint(network: ValueNetwork) -> str:
    """Of all parameters; the same weights give the same one."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _continued(wanted: ValueSizes, scales: Scales, initial: Critic) -> ValueNetwork:
    had = initial.header.sizes
    for what, old, new in (("bins", had.bins, wanted.bins), ("cameras", had.cameras, wanted.cameras)):
        if old != new:
            raise CheckpointInvalid(f"the critic to start from has {what} {old}, the settings ask for {new}")
    network = ValueNetwork(replace(had, instructions=wanted.instructions))
    head = {
        f"{name}.{part}"
        for name, module in network.named_modules()
        if module is network.head
        for part in ("weight", "bias")
    }
    moved = (initial.header.low, initial.header.high) != (scales.low, scales.high)
    with torch.no_grad():
        for name, value in network.named_parameters():
            old = initial.network.state_dict()[name]
            if name == "instruction.weight":
                value[: len(old)] = old
            elif not (had.bins and moved and name in head):
                value.copy_(old)
        if moved and not had.bins:
            _rescale(network, scales, initial)
    return network


def _rescale(network: ValueNetwork, scales: Scales, initial: Critic) -> None:
    """v_new = (v_old * span_old + high_old - high_new) / span_new, in the last layer."""
    ratio = (initial.header.high - initial.header.low) / (scales.high - scales.low)
    network.head.weight.mul_(ratio)
    network.head.bias.mul_(ratio).add_((initial.header.high - scales.high) / (scales.high - scales.low))
    if network.body is None:
        network.instruction.weight.mul_(ratio)
