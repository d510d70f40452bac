"""What this machine can do and what it lacks, one line each, with what to do about it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..clock import monotonic_s
from ..errors import MissingDependency, RoveError
from . import checks as machine_checks

PATIENCE_S = 60.0

Check = Callable[[], str]
"""Returns what it found; raises a RoveError that says what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing a machine may lack. Without what is ``needed`` there is no simulated session."""

    name: str
    check: Check
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer: what was found, or what is missing and what to do."""

    name: str
    ok: bool
    needed: bool
    text: str
    seconds: float


def examine(questions: Sequence[Question]) -> list[Finding]:
    """Every question answered, in order; no answer prevents the next."""
    return [_answer(question) for question in questions]


def _answer(question: Question) -> Finding:
    begin_s, ok = monotonic_s(), True
    try:
        text = question.check()
    except RoveError as error:
        text, ok = str(error), False
    except Exception as error:  # noqa: BLE001  (a broken library raises anything, and that is the finding)
        text, ok = f"{type(error).__name__}: {error}", False
    return Finding(question.name, ok, question.needed, " ".join(text.split()), round(monotonic_s() - begin_s, 2))


def apart(name: str) -> Check:
    """A check in a process of its own: libraries that crash, or cannot share a process with each other."""

    def check() -> str:
        command = [sys.executable, "-m", "rove_teleop.machine.doctor", name]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, errors="replace")
        except subprocess.TimeoutExpired as error:
            raise MissingDependency(f"no answer within {PATIENCE_S:g} s") from error
        found = result.stdout.strip().rpartition("\n")[2]
        if result.returncode < 0:
            raise MissingDependency(f"the check crashed (signal {-result.returncode}); {found}".rstrip("; "))
        if result.returncode != 0:
            raise MissingDependency(found or result.stderr.strip().rpartition("\n")[2])
        return found

    return check


APART: dict[str, Check] = {
    "ros": machine_checks.ros,
    "rendering": machine_checks.rendering,
    "real_time": machine_checks.real_time,
    "openxr": machine_checks.openxr,
}
QUESTIONS = (
    Question("Python", machine_checks.python_version, needed=True),
    Question("ROS 2", apart("ros"), needed=True),
    Question("rendering", apart("rendering"), needed=True),
    Question("disk", machine_checks.disk, needed=True),
    Question("real time", apart("real_time")),
    Question("shared memory", machine_checks.transports),
    Question("ports", machine_checks.ports),
    Question("OpenXR", apart("openxr")),
)


def main(name: str) -> int:
    """Answer one question; the last line of stdout is the finding."""
    finding = _answer(Question(name, APART[name]))
    sys.stdout.write(finding.text + "\n")
    return 0 if finding.ok else MissingDependency.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
