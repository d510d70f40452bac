"""What this machine can do: doctor."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from typing import Any

from ..errors import MissingDependency


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    command = subparsers.add_parser("doctor", help="what this machine lacks, and what to do about it")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=doctor)


def doctor(options: argparse.Namespace) -> int:
    """One line per thing that a session needs or can use; exit code 4 when a simulated session could not run."""
    from ..machine.doctor import QUESTIONS, Question, examine

    findings = []
    for question in (*QUESTIONS, Question("headset page", _headset_page)):
        findings += examine([question])
        if not options.json:
            last = findings[-1]
            state = "ok" if last.ok else "missing" if last.needed else "missing (optional)"
            print(f"{last.name:<14}{state}: {last.text}", flush=True)
    ready = all(finding.ok for finding in findings if finding.needed)
    if options.json:
        print(json.dumps({"ok": ready, "checks": [asdict(finding) for finding in findings]}, indent=2))
    return 0 if ready else MissingDependency.exit_code


def _headset_page() -> str:
    from ..console.tls import config_folder

    folder = config_folder()
    if (folder / "headset.pem").is_file():
        return f"certificate in {folder}"
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        raise MissingDependency(
            f"{existing} cannot be written: the page for headsets keeps its certificate in {folder}"
        )
    return "its certificate is made by the first session with --operator webxr"
