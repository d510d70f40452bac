"""A training run that was interrupted: everything its next step depends on, in one file that is whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointInvalid
from ..models.tensor_file import load_tensors, save_tensors

FORMAT = 1
KIND = "rove_training"


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
    arrays = {key: value.detach().cpu().numpy() for key, value in tensors.items()}
    save_tensors(path, arrays, KIND, {"format": FORMAT, "about": dict(about)})


def load_state(path: Path) -> TrainingState:
    """Read what `save_state` wrote.

    Raises:
        CheckpointInvalid: unreadable, damaged, or not a training state of this format.
    """
    arrays, header = load_tensors(path, KIND)
    if header is None or header.get("format") != FORMAT or not isinstance(header.get("about"), dict):
        raise CheckpointInvalid(f"{path}: is not a training state of format {FORMAT}")
    return TrainingState({key: torch.from_numpy(value) for key, value in arrays.items()}, header["about"])


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
