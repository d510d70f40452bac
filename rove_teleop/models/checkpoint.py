"""A policy on disk: one safetensors file whose header says for which robot, joints and features it was trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointInvalid
from .observation import Normalisation
from .tensor_file import load_tensors, save_tensors

FORMAT = 1
KIND = "rove"
NORMALISATION = tuple(item.name for item in fields(Normalisation))


@dataclass(frozen=True, slots=True)
class VisionHeader:
    """What a policy with cameras looks at: images of ``heights`` by ``widths`` pixels, under one of ``instructions``.

    ``width``, ``blocks`` and ``heads`` are the sizes of its encoder.
    """

    cameras: tuple[str, ...]
    heights: tuple[int, ...]
    widths: tuple[int, ...]
    instructions: tuple[str, ...]
    width: int = 128
    blocks: int = 2
    heads: int = 4


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """What a policy was trained for.

    ``joint_names`` (m) are both the joints it reads and the joints it moves, with the limits they had in training;
    ``feature_names`` (k) are the task features it reads, in order. The plan has ``horizon`` points ``step_s`` apart,
    of which ``execute`` are meant to be used. ``beta`` is the guidance it is decoded with unless somebody says
    otherwise (1 where it is None); it counts only with ``condition_classes``. ``provenance`` is for people: seeds,
    counts, hashes, commands.
    """

    task: str
    robot: str
    robot_hash: str
    joint_names: tuple[str, ...]
    q_min_rad: tuple[float, ...]
    q_max_rad: tuple[float, ...]
    feature_names: tuple[str, ...]
    step_s: float
    horizon: int
    execute: int
    hidden: int
    layers: int
    condition_classes: int = 0
    beta: float | None = None
    vision: VisionHeader | None = None
    provenance: dict[str, str] = field(default_factory=dict)

    @property
    def observation_size(self) -> int:
        return 2 * len(self.joint_names) + len(self.feature_names)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Header, normalisation and the weights by parameter name: the actor's, and its eyes' where it has cameras."""

    header: CheckpointHeader
    normalisation: Normalisation
    weights: dict[str, NDArray[np.float32]]
    vision_weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``path`` by rename; the same checkpoint gives the same bytes."""
    tensors: dict[str, NDArray[np.generic]] = {f"actor.{key}": value for key, value in checkpoint.weights.items()}
    tensors |= {f"vision.{key}": value for key, value in checkpoint.vision_weights.items()}
    for name in NORMALISATION:
        tensors[f"normalisation.{name}"] = getattr(checkpoint.normalisation, name)
    # What a policy does not have is not said, so that versions before it could be had still read the file.
    said = {key: value for key, value in asdict(checkpoint.header).items() if value is not None}
    save_tensors(path, tensors, KIND, {"format": FORMAT, **said})


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises:
        CheckpointInvalid: unreadable, damaged, of another format, not finite, or with shapes that its own header
            denies.
    """
    tensors, said = load_tensors(path, KIND)
    header = _header(path, said)
    for key, value in tensors.items():
        if not np.all(np.isfinite(value)):
            raise CheckpointInvalid(f"{path}: tensor '{key}' holds values that are not finite")
    stored = sum(value.size for value in tensors.values())
    if header.hidden**2 * (header.layers - 1) + header.hidden > stored:
        raise CheckpointInvalid(f"{path}: its header says {header.layers} layers of {header.hidden}, it holds fewer")
    normalisation = _normalisation(path, header, tensors)
    return Checkpoint(header, normalisation, _under("actor.", tensors), _under("vision.", tensors))


def _under(prefix: str, tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _header(path: Path, values: dict[str, Any] | None) -> CheckpointHeader:
    if values is None:
        raise CheckpointInvalid(f"{path}: has no 'rove' header, so it is not a policy of this package")
    try:
        found = values.pop("format")
        if found != FORMAT:
            raise CheckpointInvalid(f"{path}: has format {found}, this version reads format {FORMAT}")
        arguments = _tuples(values)
        if "vision" in arguments:
            arguments["vision"] = VisionHeader(**_tuples(arguments["vision"]))
        header = CheckpointHeader(**arguments)
        _check_types(header)
        counts = {len(header.joint_names), len(header.q_min_rad), len(header.q_max_rad)}
        sane = len(counts) == 1 and header.step_s > 0.0 and 1 <= header.execute <= header.horizon
        if header.vision is not None:
            eyes = header.vision
            sane &= len(eyes.cameras) == len(eyes.heights) == len(eyes.widths) > 0 < len(eyes.instructions)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointInvalid(f"{path}: its header is not what a policy needs ({error})") from error
    if not sane:
        raise CheckpointInvalid(
            f"{path}: its header contradicts itself (joint limits, step_s, horizon, execute or cameras)"
        )
    return header


def _check_types(header: CheckpointHeader) -> None:
    """`TypeError` or `ValueError` for what JSON can say and no header means; a network is made of these numbers."""
    eyes = header.vision
    lists = [header.joint_names, header.feature_names, *((eyes.cameras, eyes.instructions) if eyes else ())]
    sizes = [header.horizon, header.execute, header.hidden, header.layers]
    sizes += [*eyes.heights, *eyes.widths, eyes.width, eyes.blocks, eyes.heads] if eyes else []
    texts = [header.task, header.robot, header.robot_hash, *(name for names in lists for name in names)]
    numbers = [header.step_s, *header.q_min_rad, *header.q_max_rad, *([] if header.beta is None else [header.beta])]
    for kind, values in (((str,), texts), ((int,), [*sizes, header.condition_classes]), ((int, float), numbers)):
        wrong = [value for value in values if type(value) not in kind]
        if wrong:
            raise TypeError(f"{wrong[0]!r} is no {kind[-1].__name__}")
    if not all(isinstance(names, tuple) for names in lists) or not isinstance(header.provenance, dict):
        raise TypeError("names or provenance of another kind")
    if min(sizes) < 1 or not 0 <= header.condition_classes <= 3 or not np.isfinite(numbers).all():
        raise ValueError("a size or number that cannot be")
    if eyes and eyes.width % eyes.heads:
        raise ValueError(f"a width of {eyes.width} for {eyes.heads} heads")


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only, headers tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _normalisation(path: Path, header: CheckpointHeader, tensors: dict[str, NDArray[np.float64]]) -> Normalisation:
    chunk = (header.horizon, len(header.joint_names))
    wanted = dict(zip(NORMALISATION, [(header.observation_size,)] * 2 + [chunk] * 2, strict=True))
    values = {}
    for name, shape in wanted.items():
        value = tensors.get(f"normalisation.{name}")
        found = None if value is None else value.shape
        if value is None or found != shape:
            raise CheckpointInvalid(f"{path}: '{name}' has shape {found}, its header asks for {shape}")
        if name.endswith(("scale", "scale_rad")) and not np.all(value > 0.0):
            raise CheckpointInvalid(f"{path}: '{name}' must be positive everywhere")
        values[name] = value.astype(np.float64)
    return Normalisation(**values)
