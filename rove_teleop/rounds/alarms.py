"""Alarms for the policy of a round: calibrated on half of its evaluation, judged on the rest and where people drove."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..episodes.dataset import Dataset
from ..errors import CalibrationFailed
from ..failure.calibration import save_calibration
from ..failure.figures import Judged, figures
from ..failure.streams import Streams
from ..failure_calibration.calibrate import calibrate
from ..failure_calibration.episodes import judged_episodes, logged_opinions
from ..failure_calibration.files import calibration_path, policy_hash
from ..failure_calibration.report import plain, report

ALPHA = 0.1
SAYS_NOTHING = 0.5
"""The ranking of a detector that hears nothing here, such as the critic's value where there is no critic."""


def calibrate_alarms(streams: Sequence[Streams], checkpoint: Path, task: str) -> dict[str, Any]:
    """Calibrate on every second episode that ``checkpoint`` did alone, beside it; what that is worth on the others.

    A policy that succeeds too rarely gets no calibration: the result says why under ``refused``.
    """
    path = calibration_path(checkpoint.parent, str(checkpoint))
    path.unlink(missing_ok=True)
    try:
        calibration = calibrate(streams[::2], policy_hash(str(checkpoint)), task, ALPHA)
    except CalibrationFailed as refusal:
        return {"refused": str(refusal)}
    save_calibration(path, calibration)
    return {"calibrated_on": calibration.successes, **report(streams[1::2], calibration).to_json()}


def trigger_leads(dataset: Path) -> dict[str, Any]:
    """How long before people took over each detector raised its alarm in recorded episodes, by its name.

    No rates: people took over because of these alarms.
    """
    said: dict[str, list[Judged]] = {}
    for episode, outcome in judged_episodes(dataset, Dataset.open(dataset).episodes()):
        for name, judged in logged_opinions(episode, outcome).items():
            said.setdefault(name, []).append(judged)
    taken = {name: [item for item in items if math.isfinite(item.trigger_s)] for name, items in said.items()}
    return {name: plain(figures(name, items)) for name, items in sorted(taken.items()) if items}


def alarms_text(told: Mapping[str, Any], leads: Mapping[str, Any]) -> list[str]:
    """Lines of Markdown about what `calibrate_alarms` and `trigger_leads` told."""
    lines = ["", "## Alarms", ""]
    if "refused" in told:
        return [*lines, f"Not calibrated: {told['refused']}. Only control's no-progress alarm called for people."]
    low, high = told["allowed_false_alarms"]
    rows = [row for row in told["detectors"] if row["auroc"] not in (None, SAYS_NOTHING)]
    decisive = next(row for row in told["detectors"] if row["detector"] == told["decides"])["false_alarms"]
    lines += [
        f"Calibrated on {told['calibrated_on']} successes, judged on {told['episodes']} other episodes "
        f"({told['failures']} failures). Promised: at most {100 * told['alpha']:g} % false alarms of "
        f"`{told['decides']}`, {low} to {high} of {decisive['total']} in 19 of 20 cases; there were "
        f"{decisive['count']}: {'kept' if told['promise_kept'] else 'NOT kept'}.",
        "",
        "| detector | AUROC | balanced accuracy | true alarms | false alarms | before the end | of the episode "
        "| before people |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return lines + [_row(row, leads.get(row["detector"], {}).get("trigger_lead_s")) for row in rows]


def _row(row: Mapping[str, Any], trigger_lead_s: float | None) -> str:
    share = None if row["lead_share"] is None else 100.0 * row["lead_share"]
    cells = (
        row["detector"], _number(row["auroc"], ".2f"), _number(row["balanced_accuracy"], ".2f"),
        _rate(row["true_alarms"]), _rate(row["false_alarms"]), _number(row["lead_s"], ".1f", " s"),
        _number(share, ".0f", " %"), _number(trigger_lead_s, ".1f", " s"),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, digits: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{digits}}{unit}"


def _rate(rate: Mapping[str, Any]) -> str:
    if not rate["total"]:
        return "-"
    return f"{rate['count']} of {rate['total']} [{100 * rate['low']:.0f}, {100 * rate['high']:.0f}] %"
