"""A training run that was interrupted: everything its next step depends on, in one file that is whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CheckpointInvalid

FORMAT = 1


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Tensors by name (on the CPU), and what they belong to: the step, the settings, a fingerprint of the data."""

    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def must_match(self, path: Path, wanted: Mapping[str, Any]) -> None:
        """Refuse to go on with a run of other settings or other data.

        Raises:
            CheckpointInvalid: an entry of ``wanted`` is not what was saved; the sentence names it.
        """
        for key, value in json.loads(json.dumps(dict(wanted))).items():
            if self.about.get(key) != value:
                raise CheckpointInvalid(
                    f"{path}: belongs to a run with {key} {self.about.get(key)}, this one has {value}; "
                    "delete the file to start again"
                )

    def named(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name starts with ``prefix``, without it."""
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def save_state(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write ``path`` by rename: safetensors, with ``about`` (anything JSON can say) in its header."""
    text = json.dumps({"format": FORMAT, "about": dict(about)}, sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    # A clone each: safetensors refuses tensors that share memory, and a view would drag its whole storage along.
    copies = {key: value.detach().cpu().clone().contiguous() for key, value in sorted(tensors.items())}
    save_file(copies, partial, {"rove_training": text})
    os.replace(partial, path)


def load_state(path: Path) -> TrainingState:
    """Read what `save_state` wrote.

    Raises:
        CheckpointInvalid: unreadable, or not a training state of this format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("rove_training", "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointInvalid(f"{path}: cannot be read as a training state ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT or not isinstance(header.get("about"), dict):
        raise CheckpointInvalid(f"{path}: is not a training state of format {FORMAT}")
    return TrainingState(tensors, header["about"])


def pack_optimiser(optimiser: torch.optim.Optimizer, prefix: str = "optimiser.") -> dict[str, Tensor]:
    """Moments and step counts as tensors named ``prefix``PARAMETER.NAME; the options are the caller's settings."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}{index}.{name}": value for index, values in state.items() for name, value in values.items()}


def unpack_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str = "optimiser."
) -> None:
    """Put back what `pack_optimiser` gave, into an optimiser of the same parameters in the same order."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(prefix):
            index, name = key.removeprefix(prefix).split(".", 1)
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
