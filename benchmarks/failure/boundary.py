"""How well t_r is proposed: against what simulated people truly did, of persons that the settings were not chosen on.

    .venv/bin/python benchmarks/failure/boundary.py --split "held out" --episodes 10
    .venv/bin/python benchmarks/failure/boundary.py --dataset DATASET      (episodes of rove collect --sim)

The shipped policy drives; at a random moment, or when it gets nowhere, a person takes over, hesitates, draws the hand
back, maybe gropes, and then does the task. The truth is the moment at which that person stops adapting. Rollouts are
kept in --cache: made once, judged often.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from boundary_rollouts import KINDS, load, make

from rove_teleop.failure.boundary import propose_t_r
from rove_teleop.failure.hand_motion import HumanMotion
from rove_teleop.labelling.label import label_dataset

EARLY_S = 0.1


def judge(errors_s: np.ndarray, confidence: np.ndarray) -> dict[str, float]:
    """The issue's figures: median of |error|, share that is early; and what the confidence is worth."""
    trusted = confidence >= 0.5
    return {
        "takeovers": len(errors_s),
        "median_error_s": float(np.median(np.abs(errors_s))),
        "early_percent": 100.0 * float(np.mean(errors_s < -EARLY_S)),
        "q05_s": float(np.quantile(errors_s, 0.05)),
        "q95_s": float(np.quantile(errors_s, 0.95)),
        "trusted_percent": 100.0 * float(np.mean(trusted)),
        "trusted_median_error_s": float(np.median(np.abs(errors_s[trusted]))) if trusted.any() else float("nan"),
    }


def rollouts(path: Path, with_progress: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors [s], confidence and the kind of person, per takeover."""
    takeovers = load(path)
    found = [
        propose_t_r(HumanMotion(item.stamp_s, item.asked_m, item.done_m, item.progress if with_progress else None))
        for item in takeovers
    ]
    errors_s = np.array([one.t_r_s - item.true_s for one, item in zip(found, takeovers, strict=True)])
    return errors_s, np.array([one.confidence for one in found]), np.array([item.kind for item in takeovers])


def recorded(dataset: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same of episodes that a session recorded."""
    known = [
        item
        for episode in label_dataset(dataset)
        for item in episode.boundaries
        if item.true_t_r_s is not None and item.recovery is not None
    ]
    errors_s = [item.recovery.t_r_s - item.true_t_r_s for item in known]
    supervisor_s = [item.recorded_t_r_s - item.true_t_r_s for item in known]
    print(f"what the supervisor pressed in the session: off by {np.median(np.abs(supervisor_s)):.2f} s (median)")
    return np.array(errors_s), np.array([item.recovery.confidence for item in known])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=KINDS, default="held out")
    parser.add_argument("--episodes", type=int, default=10, help="per kind of person and task")
    parser.add_argument("--cache", type=Path, default=Path(".cache/boundary"))
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--progress", action="store_true", help="the task's progress stands for a critic's value")
    options = parser.parse_args()
    if options.dataset is not None:
        print(json.dumps(judge(*recorded(options.dataset))))
        return
    pooled: list[tuple[np.ndarray, np.ndarray]] = []
    for task in ("toaster", "whiteboard"):
        path = options.cache / f"{task}_{options.split.replace(' ', '_')}.npz"
        if not path.exists():
            make(task, options.split, options.episodes, path)
        errors_s, confidence, kinds = rollouts(path, options.progress)
        pooled.append((errors_s, confidence))
        print(task, json.dumps(judge(errors_s, confidence)))
        for kind in dict.fromkeys(kinds.tolist()):
            of = kinds == kind
            print("   ", kind, json.dumps(judge(errors_s[of], confidence[of])))
    print("both", json.dumps(judge(*(np.concatenate(parts) for parts in zip(*pooled, strict=True)))))


if __name__ == "__main__":
    main()
