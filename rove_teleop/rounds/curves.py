"""Losses while a run trains: a line of JSON per report, and the same as TensorBoard files where its extra is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ..clock import wall_time_s

CRITIC, HELD_OUT, ACTOR = "critic", "held_out_critics", "actor"
"""The stages that report; the held-out critics do so together, whichever comes first."""
FILE = "curves.jsonl"
TENSORBOARD = "tensorboard"
MISSING = "no TensorBoard files (pip install 'rove_teleop[tensorboard]')"
Report = Callable[[str, int, int, str], None]
"""Called with the stage, how far, of how much, and a remark."""


class Curves:
    """Where the stages of a run report to; ``note`` says what is missing, empty when nothing is."""

    def __init__(self, out: Path, report: Report | None = None) -> None:
        self._report = report
        self._file = (out / FILE).open("a", encoding="utf-8")
        self._writer = _writer(out / TENSORBOARD)
        self.note = MISSING if self._writer is None else ""

    def of(self, stage: str) -> Callable[[int, int, float], None]:
        """The progress callback of a stage: step, steps, mean loss since the last call."""

        def report(step: int, steps: int, loss: float) -> None:
            point = {"stage": stage, "step": step, "loss": loss}
            self._file.write(json.dumps(point) + "\n")
            self._file.flush()
            if self._writer is not None:
                self._writer.add_scalar(f"{stage}/loss", loss, step, walltime=wall_time_s())
                self._writer.flush()
            if self._report is not None:
                self._report(stage, step, steps, f"loss {loss:.4g}")

        return report

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._writer is not None:
            self._writer.close()


def read_curves(out: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, loss) by stage. Steps that were trained twice, because a run was interrupted, count as trained last."""
    found: dict[str, dict[int, float]] = {}
    path = out / FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            point = json.loads(line)
            found.setdefault(str(point["stage"]), {})[int(point["step"])] = float(point["loss"])
        except (ValueError, KeyError, TypeError):
            # The line that a kill cut short.
            continue
    return {stage: sorted(points.items()) for stage, points in found.items()}


def _writer(folder: Path) -> Any:
    """None without the package: curves are a convenience, the run is not."""
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError:
        return None
    return SummaryWriter(str(folder))
