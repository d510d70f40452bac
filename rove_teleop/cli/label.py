"""Labels for a critic: label."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import counter

if TYPE_CHECKING:
    from ..labelling.boundaries import Boundary
    from ..labelling.label import Labelled


def add(subparsers: Any) -> None:
    """The command of this file and its arguments."""
    label = subparsers.add_parser(
        "label",
        help="propose where failures began and adaptation ended (t_r); store rewards per step",
        description="Propose, per intervention, the onset of the failure and t_r. A proposal counts until a person "
        "says otherwise (rove edit DATASET EPISODE --t-r SECONDS), and never after. Times are seconds from the start.",
    )
    label.add_argument("dataset", type=Path)
    label.add_argument("--run", dest="run_name", metavar="NAME", help="store proposals and rewards as labels/NAME")
    label.add_argument("--rate", type=rate, default=20.0, metavar="HZ", help="steps per second (default %(default)g)")
    label.add_argument(
        "--c-fail", type=penalty, default=-500.0, metavar="REWARD", help="reward of a failure, in steps (default -500)"
    )
    label.add_argument("--value", metavar="RUN", help="run of labels with a critic's 'value': it must rise after t_r")
    label.add_argument("--json", action="store_true")
    label.set_defaults(run=run_label)


def rate(text: str) -> float:
    """Steps per second, up to those of control."""
    hz = _number(text)
    if not 0.0 < hz <= 250.0:
        raise argparse.ArgumentTypeError(f"{text} is not a rate up to 250 Hz")
    return hz


def penalty(text: str) -> float:
    """A reward below that of a step."""
    reward = _number(text)
    if not -math.inf < reward < -1.0:
        raise argparse.ArgumentTypeError(f"{text} is not a number below -1, what a step costs")
    return reward


def run_label(options: argparse.Namespace) -> int:
    """Propose, and store where a run is named; exit code 3 when an episode could not be labelled."""
    from ..failure.step_labels import LabelConstants
    from ..labelling.label import label_dataset

    constants = LabelConstants(rate_hz=options.rate, c_fail=options.c_fail)
    found = label_dataset(options.dataset, options.run_name, constants, options.value, counter("episodes"))
    if options.json:
        print(json.dumps([labelled_json(item) for item in found]))
    else:
        for item in found:
            _show(item)
        labelled = sum(not item.refused for item in found)
        print(f"{labelled} of {len(found)} episodes labelled{_where(options)}")
    return 3 if any(item.refused for item in found) else 0


def labelled_json(item: Labelled) -> dict[str, Any]:
    """One episode for scripts."""
    return {
        "episode": item.episode,
        "steps": item.steps,
        "refused": item.refused,
        "interventions": [_boundary_json(boundary, item.start_s) for boundary in item.boundaries],
    }


def _boundary_json(item: Boundary, start_s: float) -> dict[str, Any]:
    recovery = item.recovery
    return {
        "onset_s": item.onset.onset_s - start_s,
        "onset_confidence": item.onset.confidence,
        "onset_reason": item.onset.reason,
        "takeover_s": item.takeover_s - start_s,
        "proposed_t_r_s": None if recovery is None else recovery.t_r_s - start_s,
        "confidence": 0.0 if recovery is None else recovery.confidence,
        "reason": "nobody said where a hand should be" if recovery is None else recovery.reason,
        "recorded_t_r_s": item.recorded_t_r_s - start_s,
        "source": item.source,
        "true_t_r_s": None if item.true_t_r_s is None else item.true_t_r_s - start_s,
    }


def _show(item: Labelled) -> None:
    print(f"{item.episode}: {f'not labelled: {item.refused}' if item.refused else f'{item.steps} steps'}")
    for number, boundary in enumerate(item.boundaries, start=1):
        row = _boundary_json(boundary, item.start_s)
        proposed = "none" if row["proposed_t_r_s"] is None else f"{row['proposed_t_r_s']:.3f} s"
        truth = "" if row["true_t_r_s"] is None else f", truly {row['true_t_r_s']:.3f} s"
        print(
            f"  intervention {number}: fails from {row['onset_s']:.3f} s ({row['onset_reason']}), "
            f"takeover {row['takeover_s']:.3f} s\n"
            f"    t_r proposed {proposed} (confidence {row['confidence']:.2f}: {row['reason']}), "
            f"in the labels {row['recorded_t_r_s']:.3f} s{truth}; used: {row['source']}"
        )


def _where(options: argparse.Namespace) -> str:
    if options.run_name is None:
        return "; nothing was stored (--run NAME stores)"
    return f" as {options.dataset / 'labels' / options.run_name}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
