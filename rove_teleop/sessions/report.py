"""The session report: what came out, who drove how long, how good the handovers were, how punctual the loop was."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..episodes.read import open_episode
from ..types import Authority, Phase
from .session import Summary
from .shadow_report import disagreement


def time_shares(paths: list[Path]) -> dict[str, dict[str, float]]:
    """Seconds per phase and authority, from the sealed episodes: ``shares[phase][authority]``."""
    ticks: Counter[tuple[str, str]] = Counter()
    seconds: dict[str, dict[str, float]] = {}
    for path in paths:
        episode = open_episode(path)
        pairs = np.stack([episode["control/phase"], episode["control/authority"]], axis=1)
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        for (phase, authority), count in zip(found.tolist(), counts.tolist(), strict=True):
            ticks[Phase(phase).name.lower(), Authority(authority).name.lower()] += count
        for (phase, authority), count in ticks.items():
            seconds.setdefault(phase, {}).setdefault(authority, 0.0)
            seconds[phase][authority] += count / float(episode.attributes["control_hz"])
        ticks.clear()
    return seconds


def report_data(summary: Summary) -> dict[str, Any]:
    """The report as plain values, for a script."""
    paths = [Path(episode["path"]) for episode in summary.episodes]
    return {
        "session": summary.session_id,
        "dataset": str(summary.options.dataset),
        "task": summary.options.task,
        "robot_note": summary.robot_note,
        "episodes": summary.episodes,
        "successes": summary.count("success"),
        "failures": summary.count("failure"),
        "discarded": summary.count("discarded"),
        "takeovers": summary.takeovers,
        "ticks_lost": summary.ticks_lost,
        "rows_dropped": summary.rows_dropped,
        "recovered_at_start": summary.recovered,
        "seconds_by_phase_and_authority": time_shares(paths),
        "handovers": summary.handovers,
        "shadow": _shadow(paths),
        "jitter_us": summary.jitter_us,
        "missed_ticks": summary.missed_ticks,
        "restarts": summary.restarts,
        "stopped": summary.stopped,
    }


def _shadow(paths: list[Path]) -> dict[str, Any] | None:
    found = disagreement(paths)
    return None if found is None else {**asdict(found), "sentence": found.sentence()}


def save_report(summary: Summary) -> Path:
    """Write the report beside the session's logs; returns its path."""
    path = summary.options.dataset / "logs" / summary.session_id / "report.json"
    path.write_text(json.dumps(report_data(summary), indent=1) + "\n", encoding="utf-8")
    return path


def show_report(summary: Summary, note: str, console: Console) -> None:
    """Print the report for a person."""
    data = report_data(summary)
    parts: list[Any] = [_episodes(data), _shares(data), _handovers(data), _lines(data, note)]
    console.print(Group(*[part for part in parts if part is not None]))


def _episodes(data: dict[str, Any]) -> Table:
    table = Table(title=f"Session {data['session']}: {data['task']}", title_justify="left")
    for name in ("episode", "outcome", "seconds", "takeovers", "rows", "lost", "frames", "seal ms", "file"):
        table.add_column(name, justify="left" if name in ("outcome", "file") else "right")
    for e in data["episodes"]:
        counts = [str(e[name]) for name in ("takeovers", "rows", "lost", "frames")]
        seconds, seal_ms = f"{e['duration_s']:.1f}", f"{float(e['seal_ms']):.0f}"
        table.add_row(str(e["episode"]), e["outcome"], seconds, *counts, seal_ms, Path(e["path"]).name)
    return table


def _shares(data: dict[str, Any]) -> Table:
    table = Table(title="Who drove, by phase", title_justify="left")
    names = [authority.name.lower() for authority in Authority]
    for name in ("phase", "seconds", *names):
        table.add_column(name, justify="left" if name == "phase" else "right")
    for phase, seconds in data["seconds_by_phase_and_authority"].items():
        total = sum(seconds.values())
        shares = [f"{100 * seconds.get(name, 0.0) / total:.0f} %" for name in names]
        table.add_row(phase, f"{total:.1f}", *shares)
    return table


def _handovers(data: dict[str, Any]) -> Table | None:
    if not data["handovers"]:
        return None
    table = Table(title="Handover scorecards (peaks as share of the limit)", title_justify="left")
    peaks = ("peak step", "velocity", "acceleration", "jerk")
    for name in ("episode", "kind", "score", "mismatch", *peaks, "to authority", "limited"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for card in data["handovers"]:
        table.add_row(
            str(card["episode"]),
            card["kind"],
            f"{card['score']:.0f}",
            f"{max(card['mismatch_rad'].values()):.3f} rad",
            f"{card['peak_command_step_rad']:.4f} rad",
            *(f"{100 * card[f'peak_{name}_ratio']:.0f} %" for name in ("velocity", "acceleration", "jerk")),
            f"{card['time_to_authority_s']:.2f} s",
            f"{100 * card['fraction_limited']:.0f} %",
        )
    return table


def _lines(data: dict[str, Any], note: str) -> Text:
    jitter = data["jitter_us"]
    late = ", ".join(f"{name} {value / 1000:.2f} ms" for name, value in jitter.items()) or "not measured"
    lines = [
        f"successes {data['successes']}, failures {data['failures']}, discarded {data['discarded']}, "
        f"takeovers {data['takeovers']}, ticks lost {data['ticks_lost']}",
        f"control wake-up error: {late}; missed ticks {data['missed_ticks']}",
        *[f"recovered after a crash: {path}" for path in data["recovered_at_start"]],
        f"note: {note}",
        f"dataset: {data['dataset']}  (open an episode with zarr.open_group(path, mode='r'))",
    ]
    if data["shadow"]:
        lines.append(data["shadow"]["sentence"])
    if data["restarts"]:
        lines.append(f"processes started again: {', '.join(data['restarts'])}")
    if data["stopped"]:
        lines.append(f"the session ended early: {data['stopped']}")
    return Text("\n".join(lines))
