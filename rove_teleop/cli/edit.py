"""What people say afterwards: edit, agreement."""

from __future__ import annotations

import argparse
import datetime
import getpass
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..types import Phase

if TYPE_CHECKING:
    from ..episodes.edit.edits import Edit
    from ..episodes.read import Episode

PHASES = {phase.name.lower(): phase for phase in Phase}


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    edit = subparsers.add_parser(
        "edit",
        help="say what an episode is: outcome, phases, t_r, split, exclusions, notes; the recording stays as it is",
        description="Add a revision to what people say of an episode. Times are seconds from the episode's start.",
    )
    edit.add_argument("dataset", type=Path)
    edit.add_argument("episode", help="its id (rove episodes list)")
    edit.add_argument("--outcome", metavar="OUTCOME", help="success, failure, discarded or unknown")
    edit.add_argument("--phase", choices=PHASES, help="the phase between --from and --to")
    edit.add_argument("--exclude", action="store_true", help="leave out of training, all or between --from and --to")
    edit.add_argument("--from", dest="from_s", type=moment, metavar="SECONDS", help="(default: the start)")
    edit.add_argument("--to", dest="to_s", type=moment, metavar="SECONDS", help="(default: the end)")
    edit.add_argument("--t-r", dest="t_r_s", type=moment, metavar="SECONDS", help="when adaptation became recovery")
    edit.add_argument("--intervention", type=int, metavar="N", help="the intervention that --t-r is meant for, from 1")
    edit.add_argument("--split", metavar="NAME", help="train, test, ... or none")
    edit.add_argument("--note", metavar="TEXT", help="a remark for people")
    edit.add_argument("--undo", type=int, metavar="REVISION", help="this revision counts no more")
    edit.add_argument("--author", metavar="NAME", help="who says so (default: the user's name)")
    edit.add_argument("--history", action="store_true", help="only show the revisions, and what they come to")
    edit.add_argument("--json", action="store_true")
    edit.set_defaults(run=run_edit)
    command = subparsers.add_parser("agreement", help="how far two people agree about the episodes that both edited")
    command.add_argument("dataset", type=Path)
    command.add_argument("author_a")
    command.add_argument("author_b")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=run_agreement)


def moment(text: str) -> float:
    """A time from the start of an episode."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from the start")
    return seconds


def run_edit(options: argparse.Namespace) -> int:
    """Add a revision, or show them."""
    from ..episodes.edit.edit_report import changed, labels_json, revision_json
    from ..episodes.edit.overlay import read_labels
    from ..episodes.edit.overlay_files import commit_revision
    from ..episodes.find import find_episode

    episode = find_episode(options.dataset, options.episode)
    edits = _edits(options, episode)
    if options.history:
        if edits:
            raise UsageError("--history only shows: leave the edits out")
        return _history(options, episode)
    if not edits:
        raise UsageError("nothing to change was given: --outcome, --phase, --t-r, --split, --exclude, --note or --undo")
    author = options.author if options.author is not None else _user()
    revision = commit_revision(options.dataset, episode, author, edits)
    before = read_labels(options.dataset, episode, revision.number - 1)
    after = read_labels(options.dataset, episode, revision.number)
    changes = changed(before, after, episode)
    if options.json:
        print(json.dumps({**revision_json(revision), "changes": changes, "labels": labels_json(after, episode)}))
    else:
        print(f"{episode.id} revision {revision.number} by {revision.author}: {'; '.join(changes) or 'as it was'}")
    return 0


def run_agreement(options: argparse.Namespace) -> int:
    """Compare two annotators."""
    from ..episodes.dataset import Dataset
    from ..episodes.edit.agreement import agreement
    from ..episodes.read import open_episode

    episodes = (open_episode(path) for path in Dataset.open(options.dataset).episodes())
    found = agreement(options.dataset, episodes, options.author_a, options.author_b)
    if options.json:
        print(json.dumps(asdict(found)))
        return 0
    print(f"{found.episodes} episodes that both edited, {found.ticks} ticks")
    print(f"outcome  the same in {100 * found.outcome_share:.0f} %")
    kappa = "undefined (one phase throughout)" if found.phase_kappa is None else f"{found.phase_kappa:.3f}"
    share = "none" if found.phase_share is None else f"{100 * found.phase_share:.1f} %"
    print(f"phase    the same in {share} of the ticks, Cohen's kappa {kappa}")
    if found.t_r_difference_median_s is not None:
        times = f"{found.t_r_difference_median_s:.3f} s (median), {found.t_r_difference_95_s:.3f} s (95 %)"
        print(f"t_r      differs by {times} in {found.t_r_pairs} interventions")
    if found.interventions_unpaired:
        print(f"{found.interventions_unpaired} interventions that only one of them sees")
    return 0


def _edits(options: argparse.Namespace, episode: Episode) -> list[Edit]:
    from ..episodes.edit import edits as kinds
    from ..episodes.edit.interventions import intervention_at, rows_between
    from ..episodes.edit.overlay import read_labels

    bounded = options.from_s is not None or options.to_s is not None
    if bounded and not (options.phase or options.exclude):
        raise UsageError("--from and --to belong to --phase or --exclude")
    if options.phase and not bounded:
        raise UsageError("--phase needs --from, --to or both")
    if options.intervention is not None and options.t_r_s is None:
        raise UsageError("--intervention belongs to --t-r")
    edits: list[Edit] = []
    if options.outcome is not None:
        edits.append(kinds.OutcomeEdit(options.outcome))
    if options.phase or options.exclude:
        rows = rows_between(episode["control/stamp_s"], options.from_s, options.to_s)
        edits += [kinds.PhaseEdit(int(PHASES[options.phase]), *rows)] if options.phase else []
        edits += [kinds.ExcludeEdit(*rows)] if options.exclude else []
    if options.t_r_s is not None:
        phase = read_labels(options.dataset, episode).phase
        found = intervention_at(phase, episode["control/stamp_s"], options.t_r_s, options.intervention)
        edits.append(kinds.RecoveryEdit(*found))
    if options.split is not None:
        edits.append(kinds.SplitEdit("" if options.split == "none" else options.split))
    if options.note is not None:
        edits.append(kinds.NoteEdit(options.note))
    if options.undo is not None:
        edits.append(kinds.UndoEdit(options.undo))
    return edits


def _history(options: argparse.Namespace, episode: Episode) -> int:
    from ..episodes.edit.edit_report import labels_json, revision_json
    from ..episodes.edit.edits import edit_words
    from ..episodes.edit.overlay import labels_of, withdrawn_revisions
    from ..episodes.edit.overlay_files import read_revisions

    revisions = read_revisions(options.dataset, episode)
    withdrawn = withdrawn_revisions(revisions)
    labels = labels_of(episode, revisions)
    if options.json:
        rows = [{**revision_json(item), "withdrawn": item.number in withdrawn} for item in revisions]
        print(json.dumps({"episode": episode.id, "revisions": rows, "labels": labels_json(labels, episode)}))
        return 0
    for item in revisions:
        time = datetime.datetime.fromtimestamp(item.time_s, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        words = "; ".join(edit_words(edit) for edit in item.edits)
        print(f"{item.number:4}  {time}  {item.author}: {words}{'  (undone)' if item.number in withdrawn else ''}")
    excluded = f"{int(labels.excluded.sum())} of {len(labels.phase)} ticks excluded"
    t_r = ", ".join(f"{run['t_r_s']:.3f} s" for run in labels_json(labels, episode)["interventions"]) or "none"
    print(f"{episode.id}: outcome {labels.outcome}, split {labels.split or 'none'}, {excluded}, t_r {t_r}")
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("nobody knows your name: say --author NAME") from error
