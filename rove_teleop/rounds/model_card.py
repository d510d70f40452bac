"""The model card of a run: what the policy is, what it was trained on, what is known of it, in one README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_card(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Markdown for the README.md beside a policy."""
    data = metrics["data"]
    counts = "\n".join(f"| {name} | {count} |" for name, count in data["episodes"].items())
    initial = f"`{config['initial']}` (sha256 `{config['initial_sha256'][:16]}`)" if config["initial"] else "none"
    return f"""# A policy for {config["task"]} on {config["robot"]}

`policy.safetensors` moves {len(config["joint_names"])} joints in chunks of {config["horizon"]} targets,
{config["step_s"]:g} s apart. It reads those joints and {len(config["feature_names"])} features of the scene.

| | |
|---|---|
| method, preset, seed | {config["method"]}, {config["preset"]["name"]}, {config["seed"]} |
| data revision | `{config["data_revision"]}` |
| trained further from | {initial} |
| joints | {", ".join(config["joint_names"])} |
| features | {", ".join(config["feature_names"])} |
| software | rove_teleop {config["software_version"]} |

## Training data

| episodes | count |
|---|---|
{counts}

{data["steps"]} steps; {data["skipped"]} episodes were left out (report.md says which and why).

## What is known of it

{_known(metrics)}

Success was not measured here. `rove evaluate --task {config["task"]} --policy policy.safetensors` does, in simulation.

## Limits

It knows this robot, these joints and this task only; outside of what was recorded it is not to be trusted. Everything
that shaped it is in `config.json`, every label in `labels.npz`, every figure in `metrics.json`.
"""


def _known(metrics: Mapping[str, Any]) -> str:
    lines = [f"- {metrics['actor']['chunks']} chunks were shown to the actor"]
    if "labels" in metrics:
        lines.append(f"- {100 * metrics['labels']['share']:.0f} % of the steps were labelled positive")
    ranked = metrics.get("critic", {}).get("ranking")
    if ranked is not None:
        lines.append(f"- held-out value, going well against failing at mid-episode: AUC {ranked['auc']:.2f}")
    lines += [f"- last {stage.replace('_', ' ')} loss: {loss:.4g}" for stage, loss in metrics["actor"]["loss"].items()]
    return "\n".join(lines)
