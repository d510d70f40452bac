"""A critic on disk: one safetensors file whose header says what it was trained on and how its values are scaled."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import CheckpointInvalid
from .critic import Critic, CriticHeader, ValueNetwork, ValueSizes, WatchedPolicy
from .tensor_file import load_tensors, save_tensors

FORMAT = 1
KIND = "rove_critic"


def save_critic(path: Path, critic: Critic) -> None:
    """Write ``path`` by rename; the same critic gives the same bytes."""
    tensors = {f"network.{key}": value.detach().cpu().numpy() for key, value in critic.network.state_dict().items()}
    tensors |= {"scene_mean": critic.scene_mean, "scene_scale": critic.scene_scale}
    # What it does not watch is not said, so that versions before it could still read the file.
    said = {key: value for key, value in asdict(critic.header).items() if value is not None}
    save_tensors(path, tensors, KIND, {"format": FORMAT, **said})


def load_critic(path: Path) -> Critic:
    """Read and check a critic, onto the CPU.

    Raises:
        CheckpointInvalid: unreadable, damaged, of another format, not finite, or with shapes that its own header
            denies.
    """
    tensors, said = load_tensors(path, KIND)
    header = _header(path, said)
    for key, value in tensors.items():
        if not np.all(np.isfinite(value)):
            raise CheckpointInvalid(f"{path}: tensor '{key}' holds values that are not finite")
    weights = {
        key.removeprefix("network."): torch.from_numpy(value)
        for key, value in tensors.items()
        if key.startswith("network.")
    }
    try:
        network = ValueNetwork(header.sizes)
        network.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise CheckpointInvalid(f"{path}: its weights are not those its header describes ({error})") from error
    return Critic(
        header, _scale(path, header, tensors, "scene_mean"), _scale(path, header, tensors, "scene_scale"), network
    )


def _header(path: Path, values: dict[str, Any] | None) -> CriticHeader:
    if values is None:
        raise CheckpointInvalid(f"{path}: has no 'rove_critic' header, so it is not a critic of this package")
    try:
        found = values.pop("format")
        if found != FORMAT:
            raise CheckpointInvalid(f"{path}: has format {found}, this version reads format {FORMAT}")
        arguments: dict[str, Any] = {key: _tuples(value) for key, value in values.items()}
        sizes = {key: _tuples(value) for key, value in arguments.pop("sizes").items()}
        if arguments.get("watches") is not None:
            watched = {key: _tuples(value) for key, value in arguments["watches"].items()}
            arguments["watches"] = WatchedPolicy(**watched)
        header = CriticHeader(sizes=ValueSizes(**sizes), **arguments)
        sane = math.isfinite(header.low) and header.low < header.high and header.horizon >= 1
        sane = sane and len(header.instructions) == header.sizes.instructions
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointInvalid(f"{path}: its header is not what a critic needs ({error})") from error
    if not sane:
        raise CheckpointInvalid(f"{path}: its header contradicts itself (low, high, horizon or instructions)")
    return header


def _tuples(value: Any) -> Any:
    """JSON has no tuples, headers no lists."""
    return tuple(value) if isinstance(value, list) else value


def _scale(
    path: Path, header: CriticHeader, tensors: dict[str, NDArray[np.float32]], name: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    value = tensors.get(name)
    if value is None or value.shape != (header.sizes.scene,):
        raise CheckpointInvalid(f"{path}: '{name}' must have shape ({header.sizes.scene},)")
    if name == "scene_scale" and not np.all(value > 0.0):
        raise CheckpointInvalid(f"{path}: '{name}' must be positive everywhere")
    return value.astype(np.float32)
