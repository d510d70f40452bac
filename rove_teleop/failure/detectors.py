"""Every detector there is, with the networks that were trained for it or without those that need one."""

from __future__ import annotations

from .behind import Behind
from .chunk_overlap import ChunkOverlap
from .going_nowhere import GoingNowhere
from .network import Tensors, read_network
from .novelty import FlowNovelty, Novelty
from .opinion import Detector
from .overtime import Overtime
from .probe import Probe
from .retries import Retries
from .reversals import Reversals
from .stalled import Stalled, StalledEstimate
from .value_drop import ValueDrop

NEEDS_PROGRESS = (Stalled.name, Retries.name, Behind.name)
"""Detectors that hear the progress which the task reports; a robot whose task reports none goes without."""

SENTENCES = {
    Stalled.name: "no progress for a while",
    StalledEstimate.name: "it does not seem to get on",
    Retries.name: "it tries the same again and again",
    Reversals.name: "the arm goes to and fro",
    GoingNowhere.name: "the arm hardly gets anywhere",
    ChunkOverlap.name: "the policy changes its mind",
    ValueDrop.name: "the critic thinks less of it",
    Behind.name: "successes were further by now",
    Overtime.name: "it takes longer than successes do",
    Novelty.name: "it sees what it did not see in successes",
    FlowNovelty.name: "what it sees is unlikely in a success",
    Probe.name: "it looks like earlier failures",
}
"""What an alarm of each means, for the supervisor."""


def build_detectors(tensors: Tensors) -> list[Detector]:
    """All detectors; those that learn only where ``tensors`` hold what they learned.

    Raises:
        ValueError: tensors that do not fit each other.
    """
    detectors: list[Detector] = [
        Stalled(),
        Retries(),
        Reversals(),
        GoingNowhere(),
        ChunkOverlap(),
        ValueDrop(),
        Overtime(),
    ]
    if f"{Behind.name}.progress" in tensors:
        detectors.append(Behind(tensors[f"{Behind.name}.progress"]))
    if f"{StalledEstimate.name}.mean" in tensors:
        detectors.append(StalledEstimate(read_network(tensors, StalledEstimate.name)))
    if f"{Novelty.name}.random.mean" in tensors:
        random, learned = (read_network(tensors, f"{Novelty.name}.{part}") for part in ("random", "learned"))
        detectors.append(Novelty(random, learned))
    if f"{FlowNovelty.name}.mean" in tensors:
        detectors.append(FlowNovelty(read_network(tensors, FlowNovelty.name)))
    if f"{Probe.name}.mean" in tensors:
        detectors.append(Probe(read_network(tensors, Probe.name)))
    return detectors
