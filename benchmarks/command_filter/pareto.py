"""Lag against jerk, ours beside ruckig, One-Euro, Butterworth, LeRobot's ramp and axol's velocity cap.

    OMP_NUM_THREADS=1 .cache/peers/bin/python -m benchmarks.command_filter.pareto [--json FILE] [--png FILE] [--quick]

Every filter gets the newest sample at each tick and is swept over its knob. Lag is the shift of the true motion at
which the squared error is smallest, jerk the rms over joints and ticks of its share of the robot's limit. "ours, live"
gets what the control loop makes of the same samples.

A setting of another's front is met when ours has one that is at most half a tick later and has at most 3 % more jerk.
It counts twice: among those that the robot could be sent (every limit kept at every tick), and among all.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rove_teleop.command_filter.prefilters import Gaussian
from rove_teleop.control.path_config import PathConfig
from rove_teleop.filter_lab.following import LONGEST_LAG_S, following
from rove_teleop.plots.figure import COLOURS, INK, save_png, tidy

from .filters import DT, LIMITS, butterworth, linear_ramp, one_euro, ours, velocity_cap_ramp, with_ruckig
from .scenes import Scene, policy_20_hz, recorded, waves_72_hz

SKIPPED = 300
"""Ticks at the beginning that do not count: everything starts at rest."""
TIED_S, TIED_SHARE, KEPT = 0.002, 1.03, 1.0 + 1e-6
"""Half a control tick; jerk that nobody would tell apart; limits are kept."""


@dataclass(frozen=True)
class Point:
    """One setting: lag [s], jerk rms as a share of its limit, largest share of any limit, error without lag [rad]."""

    family: str
    setting: str
    lag_s: float
    jerk: float
    peak: float
    error_rad: float


def settings(scene: Scene, quick: bool) -> Iterator[tuple[str, str, np.ndarray]]:
    """Every family's sweep: its name, the setting, and what it sends."""
    some = 6 if quick else 9
    for damping in (1.0, 0.7, 0.5):
        for window_s in (0.0, 0.03, 0.06, 0.12):
            for w in np.geomspace(8.0 if window_s == 0.0 else 30.0, 250.0, some):
                prefilter = Gaussian(window_s) if window_s else None
                config = PathConfig(smoothing_rad_s=float(w), smoothing_damping=damping, prefilter=prefilter)
                said = f"{w:.0f} rad/s, damping {damping:g}, Gaussian {window_s:g} s"
                yield "ours", said, ours(scene.held, config)
                yield "ours, live", said, ours(scene.live, config)
    for jerk in np.geomspace(0.002, 1.0, some):
        for acceleration in (0.3, 1.0):
            sent = with_ruckig(scene.held, float(jerk), acceleration)
            yield "ruckig", f"jerk {jerk:.3f}, acceleration {acceleration:g}", sent
    for beta in (0.0, 0.5, 2.0, 10.0):
        for cutoff in np.geomspace(0.3, 15.0, max(some // 2, 3)):
            yield "one-euro", f"{cutoff:.2f} Hz, beta {beta:g}", one_euro(scene.held, float(cutoff), beta)
    for order in (2, 4):
        for cutoff in np.geomspace(1.0, 25.0, some):
            yield "butterworth", f"order {order}, {cutoff:.1f} Hz", butterworth(scene.held, float(cutoff), order)
    for duration_s in (1 / 50, 1 / 30, 0.05, 0.1, 0.2, 0.4, 1.0):
        yield "lerobot ramp", f"{duration_s:.3f} s", linear_ramp(scene.held, duration_s)
    for scale in np.geomspace(0.05, 1.0, max(some // 2, 3)):
        for smooth in (True, False):
            name = f"caps x {scale:.2f}" + (", smoothed" if smooth else "")
            yield "axol cap", name, velocity_cap_ramp(scene.held, float(scale), smooth)


def measure(scene: Scene, family: str, setting: str, sent: np.ndarray) -> Point:
    counts = np.ones(sent.shape, dtype=np.bool_)
    counts[:SKIPPED] = False
    found = following(scene.truth, sent, counts, DT)
    v, a, j = (
        np.abs(np.diff(sent, n=n, axis=0)[SKIPPED:]) / DT**n / limit for n, limit in enumerate(LIMITS.dynamic, 1)
    )
    half = (LIMITS.q_max_rad - LIMITS.q_min_rad) / 2.0
    q = np.abs(sent[SKIPPED:] - (LIMITS.q_max_rad + LIMITS.q_min_rad) / 2.0) / half
    peak = max(float(np.max(share)) for share in (q, v, a, j))
    return Point(family, setting, found.lag_s, float(np.sqrt(np.mean(j**2))), peak, found.aligned_error_rad)


def best(points: list[Point], family: str, sendable: bool = False) -> list[Point]:
    """A family's own front of lag and jerk, in order of jerk; ``sendable``: of those that keep every limit."""
    told = [p for p in points if p.family == family and p.lag_s < LONGEST_LAG_S - DT]
    mine = [p for p in told if p.peak <= KEPT or not sendable]
    front: list[Point] = []
    for point in sorted(mine, key=lambda p: (p.jerk, p.lag_s)):
        if not front or point.lag_s < front[-1].lag_s - 1e-6:
            front.append(point)
    return front


def lag_at(front: list[Point], jerk: float) -> float:
    """The lag that a front reaches with at most this jerk, between its settings by the logarithm; NaN below it all."""
    if not front or not front[0].jerk <= jerk:
        return float("nan")
    return float(np.interp(np.log(jerk), np.log([p.jerk for p in front]), [p.lag_s for p in front]))


def compare(points: list[Point], base: str) -> list[dict]:
    """Per other family, sendable settings and all: how many of its front are met, and how much earlier ours is."""
    mine, rows = best(points, base), []
    for family in ("ruckig", "one-euro", "butterworth", "lerobot ramp", "axol cap"):
        row: dict = {"family": family}
        for kind, sendable in (("sendable", True), ("all", False)):
            theirs = best(points, family, sendable)
            earlier = [p.lag_s - lag_at(mine, TIED_SHARE * p.jerk) for p in theirs]
            known = [x for x in earlier if np.isfinite(x)]
            row[kind] = {
                "settings": len(theirs),
                "met": sum(x >= -TIED_S for x in known),
                "median_earlier_s": float(np.median(known)) if known else None,
                "least_earlier_s": float(np.min(known)) if known else None,
            }
        rows.append({**row, "largest_peak": max(p.peak for p in points if p.family == family)})
    return rows


def show(scene: Scene, base: str, rows: list[dict]) -> None:
    print(f"\n{scene.name}: {base}")
    head = f"{'met':>9}{'median earlier':>16}{'at least':>12}"
    print(f"{'beside':<14}| sendable{head} | all{head} | peak of a limit")
    for row in rows:
        line = f"{row['family']:<14}"
        for kind, width in (("sendable", 9), ("all", 4)):
            r = row[kind]
            met = f"{r['met']}/{r['settings']}"
            ms = [
                "-" if r[key] is None else f"{1e3 * r[key]:.1f} ms" for key in ("median_earlier_s", "least_earlier_s")
            ]
            line += "| " + " " * (width - 1) + f"{met:>9}{ms[0]:>16}{ms[1]:>12} "
        print(f"{line}| {100 * row['largest_peak']:.0f} %")


def draw(scenes: dict[str, list[Point]], path: Path) -> None:
    """One panel per scene: every setting, and each family's front."""
    figure = Figure(figsize=(15.0, 9.0))
    families = ("ours", "ours, live", "ruckig", "one-euro", "butterworth", "lerobot ramp", "axol cap")
    for axes, (name, points) in zip(figure.subplots(2, 3).flat, scenes.items(), strict=True):
        for k, family in enumerate(families):
            front, colour = best(points, family), (*COLOURS, INK)[k]
            axes.plot([1e3 * p.lag_s for p in front], [100 * p.jerk for p in front], "o-", ms=3, lw=1.2, color=colour,
                      label=family)  # fmt: skip
        tidy(axes, "jerk, rms [% of limit]", "lag [ms]")
        axes.set_yscale("log")
        axes.set_ylim(0.05, 3e3)
        axes.set_xlim(0, 300)
        axes.set_title(name, fontsize=9, color=INK)
    axes.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    save_png(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer settings")
    options = parser.parse_args()
    result, found = {}, {}
    people = [scene for file in ("cmu_01_01.bvh.gz", "manus_right_s000_r010.npz") for scene in recorded(file, 3)]
    scenes = [*people, waves_72_hz(), policy_20_hz()]
    for scene in scenes:
        points = [measure(scene, *setting) for setting in settings(scene, options.quick)]
        comparisons = {base: compare(points, base) for base in ("ours", "ours, live")}
        for base, rows in comparisons.items():
            show(scene, base, rows)
        found[scene.name] = points
        result[scene.name] = {"points": [asdict(p) for p in points], "comparisons": comparisons}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.png:
        draw(found, options.png)


if __name__ == "__main__":
    main()
