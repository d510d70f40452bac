"""One episode in words and as a picture: rove show, rove episodes show."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..episodes.catalog.summary import Summary
    from ..episodes.edit.overlay import Labels
    from ..episodes.read import Episode

DEFAULT_DATASET = Path("datasets/demo")
MOST_MOVING = 5
MARKED = {"alarm": "alarm", "refused": "refused"}


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    show = subparsers.add_parser(
        "show",
        help="an episode: who drove when, what happened, and a plot of it",
        description="Show one episode, by its id in a dataset or by the path of its .zarr folder.",
    )
    show.add_argument("episode", metavar="ID", help="an episode's id, or the path of its .zarr folder")
    show.add_argument("--dataset", type=Path, help=f"where to look for the id (default {DEFAULT_DATASET})")
    show.add_argument(
        "--plot", nargs="?", const="", metavar="FILE.png", help="draw it (default file: ID.png in this folder)"
    )
    show.add_argument("--joints", default="", metavar="NAMES", help="with commas between (default: the most moving)")
    show.add_argument("--run", dest="label_run", metavar="RUN", help="also draw the derived labels of this run")
    show.add_argument("--revision", type=int, metavar="N", help="labels after this revision; 0: as recorded")
    show.add_argument("--json", action="store_true")
    show.set_defaults(run=run_show)


def run_show(options: argparse.Namespace) -> int:
    """Show one episode, and draw it where that was asked for."""
    root, episode = _found(options.episode, options.dataset)
    labels = _labels(root, episode, options.revision)
    picture = None
    if options.plot is not None:
        picture = Path(options.plot or f"{episode.path.stem}.png")
        _draw(root, episode, labels, options, picture)
    elif options.joints or options.label_run:
        raise UsageError("--joints and --run choose what --plot draws, so they need --plot")
    show_summary(root, episode, labels, options.json, picture)
    return 0


def show_episode(root: Path, episode_id: str, as_json: bool) -> int:
    """What ``rove episodes show`` says."""
    from ..episodes.find import find_episode

    episode = find_episode(root, episode_id)
    show_summary(root, episode, _labels(root, episode, None), as_json)
    return 0


def show_summary(
    root: Path | None, episode: Episode, labels: Labels, as_json: bool, picture: Path | None = None
) -> None:
    """Print an episode in words or as JSON."""
    from ..episodes.catalog.summary import summarise

    summary = summarise(episode, labels)
    if as_json:
        print(json.dumps({**summary.to_json(), "plot": None if picture is None else str(picture)}, default=str))
        return
    for line in _lines(summary):
        print(line)
    if picture is not None:
        print(f"plot: {picture}")


def _found(name: str, dataset: Path | None) -> tuple[Path | None, Episode]:
    """The episode, and its dataset where it lies in one."""
    from ..episodes.find import find_episode
    from ..episodes.read import open_episode

    path = Path(name)
    if dataset is None and (path.suffix == ".zarr" or path.is_dir()):
        root = path.absolute().parent.parent
        return (root if (root / "dataset.json").exists() else None), open_episode(path)
    if dataset is None and not DEFAULT_DATASET.is_dir():
        raise UsageError(f"{name}: is no .zarr folder, so say in which --dataset the episode is")
    root = dataset or DEFAULT_DATASET
    return root, find_episode(root, path.stem if path.suffix == ".zarr" else name)


def _labels(root: Path | None, episode: Episode, revision: int | None) -> Labels:
    """Outside of a dataset nobody said anything."""
    from ..episodes.edit.overlay import labels_of, read_labels

    if root is None:
        if revision:
            raise UsageError(f"{episode.path}: is not in a dataset, so it has no revision {revision}")
        return labels_of(episode, [])
    return read_labels(root, episode, revision)


def _lines(summary: Summary) -> list[str]:
    a = summary.attributes
    said = f" (labels: revision {summary.revision})" if summary.revision else ""
    lines = [
        f"{summary.id}: {a['task']}, {summary.outcome}{said}, {a['status']}",
        f"  {a['instruction']}",
        f"  robot {a['robot']}, policy {a['policy_id']}, operator {a['operator']}"
        f" ({a.get('operator_device', a['operator'])}), takeover {a['takeover_mode']}, then {a['protocol']}",
        f"  {a['rows']} rows at {a['control_hz']:g} Hz, {a['ticks_lost']} lost; images "
        + (
            ", ".join(f"{name} {count} ({a['frames_lost'][name]} lost)" for name, count in a["frames"].items())
            or "none"
        ),
    ]
    lines += [f"  split {summary.split}"] if summary.split else []
    lines += [f"  left out of training: {summary.excluded_s:.2f} s"] if summary.excluded_s else []
    lines += [f"  note: {note}" for note in summary.notes]
    lines += ["phases"]
    lines += [f"  {span.from_s:9.3f} to {span.to_s:9.3f} s  {span.phase}" for span in summary.phases]
    lines += ["interventions"] if summary.interventions else ["interventions: none"]
    lines += [f"  {span.from_s:9.3f} to {span.to_s:9.3f} s  t_r {span.t_r_s:.3f} s" for span in summary.interventions]
    lines += ["events"] if summary.events else ["events: none"]
    lines += [f"  {event['time_s']:9.3f} s  {event['kind']:<12} {event['detail']}" for event in summary.events]
    return lines


def _draw(root: Path | None, episode: Episode, labels: Labels, options: argparse.Namespace, path: Path) -> None:
    import numpy as np

    from ..episodes.catalog.summary import seconds_from_start
    from ..plots.episode import EpisodePicture, plot_episode

    time_s = seconds_from_start(episode)
    if not len(time_s):
        raise UsageError(f"episode {episode.id} has no rows, so there is nothing to draw")
    names = list(episode.attributes["joint_names"])
    joints = _chosen_joints(options.joints, names) or most_moving(episode["control/q_sent_rad"], MOST_MOVING)
    begun_s = float(episode["control/stamp_s"][0])
    picture = EpisodePicture(
        time_s=time_s,
        phase=labels.phase,
        authority=np.array(episode["control/authority"]),
        excluded=labels.excluded,
        weight=np.array(episode["control/weight"]),
        groups=list(episode.attributes["groups"]),
        q_sent_rad=np.array(episode["control/q_sent_rad"][:, joints]),
        q_measured_rad=np.array(episode["control/q_measured_rad"][:, joints]),
        joints=[names[k] for k in joints],
        failure=_scores(episode, begun_s),
        values=_values(root, episode, options.label_run),
        marks=[(e.time_s - begun_s, MARKED[e.kind]) for e in episode.events() if e.kind in MARKED],
    )
    plot_episode(picture, path, f"{episode.id}   {episode.attributes['task']}, {labels.outcome}")


def most_moving(q_rad: Any, count: int) -> list[int]:
    """Indices of the joints of ``q_rad`` (t, n) with the widest range, in their order; rows of NaN do not count."""
    import numpy as np

    sent = q_rad[np.isfinite(q_rad).all(axis=1)]
    width = np.ptp(sent, axis=0) if len(sent) else np.zeros(q_rad.shape[1])
    return sorted(np.argsort(-width, kind="stable")[:count].tolist())


def _chosen_joints(text: str, names: list[str]) -> list[int]:
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    for name in chosen:
        if name not in names:
            raise UsageError(f"'{name}' is no joint of this episode's robot (it has {', '.join(names)})")
    return [names.index(name) for name in chosen]


def _scores(episode: Episode, begun_s: float) -> Any:
    import numpy as np

    from ..plots.episode import Scores

    stamp_s = np.array(episode["failure/stamp_s"])
    if not len(stamp_s):
        return None
    detectors = [row.tobytes().rstrip(b"\0").decode() for row in episode["failure/detector"]]
    score, threshold = (np.array(episode[f"failure/{name}"]) for name in ("score", "threshold"))
    return Scores(stamp_s - begun_s, score, threshold, detectors)


def _values(root: Path | None, episode: Episode, run: str | None) -> dict[str, Any]:
    """The derived labels that are one number per tick."""
    import numpy as np

    from ..episodes.labels import read_derived

    if run is None:
        return {}
    if root is None:
        raise UsageError(f"{episode.path}: is not in a dataset, so it has no derived labels")
    arrays = read_derived(root, run, episode).arrays
    return {name: array.astype(np.float64) for name, array in arrays.items() if array.ndim == 1 and array.dtype != "O"}
