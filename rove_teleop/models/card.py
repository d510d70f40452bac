"""The model card of a policy: what it is for, what it was made from and how good it was found, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from .checkpoint import CheckpointHeader

SECTIONS = (("data.", "Data"), ("metrics.", "Measured"), ("settings.", "Settings"))
"""Provenance whose key begins so has a section of its own; what else there is comes first."""


def model_card(header: CheckpointHeader, metrics: Mapping[str, str] | None = None) -> str:
    """Markdown of a header and its provenance. ``metrics`` were measured after the file was written."""
    said = dict(header.provenance) | {f"metrics.{key}": value for key, value in (metrics or {}).items()}
    lines = [f"# Policy for '{header.task}' on {header.robot}", "", *_rows(_about(header))]
    prefixes = tuple(prefix for prefix, _ in SECTIONS)
    lines += ["", "## Made from", "", *_rows({key: said[key] for key in sorted(said) if not key.startswith(prefixes)})]
    for prefix, title in SECTIONS:
        found = {key.removeprefix(prefix): said[key] for key in sorted(said) if key.startswith(prefix)}
        lines += ["", f"## {title}", "", *(_rows(found) if found else ["Nothing is known."])]
    return "\n".join(lines) + "\n"


def _about(header: CheckpointHeader) -> dict[str, str]:
    eyes = header.vision
    tags = {0: "none: plain imitation", 2: "negative, positive", 3: "negative, positive, none given"}
    guidance = 1.0 if header.beta is None else header.beta
    decoded = f", decoded with beta {guidance:g}" if header.condition_classes else ""
    return {
        "moves": f"{len(header.joint_names)} joints: {', '.join(header.joint_names)}",
        "reads": ", ".join(header.feature_names) or "the joints alone, no features",
        **({} if eyes is None else {"looks through": ", ".join(eyes.cameras), "obeys": "; ".join(eyes.instructions)}),
        "plans": f"{header.horizon} points {header.step_s:g} s apart, of which {header.execute} are executed",
        "network": f"{header.layers} layers of {header.hidden}",
        "tags": tags[header.condition_classes] + decoded,
        "robot's files": header.robot_hash,
    }


def _rows(values: Mapping[str, str]) -> list[str]:
    """A table of two columns; what would end a cell is escaped."""
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in pair] for pair in values.items()]
    return ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in cells)]
