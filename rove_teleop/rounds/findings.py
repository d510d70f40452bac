"""What a person should look at before trusting a run: sentences that its figures call for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW = 5
"""Episodes of an outcome below which a critic has hardly seen it."""
USEFUL_AUC = 0.7
SKIPPED_SHARE = 0.1


def findings(metrics: Mapping[str, Any]) -> list[str]:
    """One sentence per thing that stands out, the most serious first."""
    return [*_critic(metrics), *_labels(metrics), *_data(metrics)]


def _critic(metrics: Mapping[str, Any]) -> list[str]:
    if "critic" not in metrics:
        return []
    found, ranked = [], metrics["critic"]["ranking"]
    if ranked is not None and ranked["auc"] < USEFUL_AUC:
        found.append(
            f"At mid-episode the held-out value hardly tells what will go well (AUC {ranked['auc']:.2f}): the labels "
            "are not much better than chance. More episodes, above all failures, help most."
        )
    data = metrics["data"]
    failed = data["failures"] + sum(data["t_r_sources"].values())
    for what, count in (("successes", data["successes"]), ("failures and takeovers", failed)):
        if count < FEW:
            found.append(f"Only {count} {what} were seen: the critic knows little of them.")
    return found


def _labels(metrics: Mapping[str, Any]) -> list[str]:
    if "labels" not in metrics:
        return []
    by = metrics["labels"]["by_driver"]
    adapting, recovering = by.get("a person adapting"), by.get("a person recovering")
    found = []
    if adapting and recovering and adapting["share"] > recovering["share"]:
        found.append(
            f"Adaptation is called good more often ({100 * adapting['share']:.0f} %) than recovery "
            f"({100 * recovering['share']:.0f} %): look whether t_r is too early (rove show ID --plot)."
        )
    demonstrated = by.get("a person demonstrating")
    if demonstrated and demonstrated["share"] < 0.5 * metrics["labels"]["share"]:
        found.append(
            f"Only {100 * demonstrated['share']:.0f} % of what was demonstrated is called good: look at a "
            "demonstration's advantage before trusting the critic or blaming the demonstrator."
        )
    return found


def _data(metrics: Mapping[str, Any]) -> list[str]:
    data, found = metrics["data"], []
    total = sum(data["episodes"].values()) + data["skipped"]
    if data["skipped"] > SKIPPED_SHARE * total:
        found.append(f"{data['skipped']} of {total} episodes were left out; the list below says why.")
    recorded = data["t_r_sources"].get("recorded", 0)
    if recorded:
        found.append(
            f"{recorded} takeovers have the t_r that was pressed in the session: confirm it (rove edit --t-r)."
        )
    return found
