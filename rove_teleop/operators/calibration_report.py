"""A calibration in the terminal: the step that is asked for now, and in the end what it is worth in millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..retargeting.calibration import FINGERS


class StepView:
    """A panel that changes in place on a terminal; elsewhere one line per instruction and per reason to repeat it."""

    def __init__(self, terminal: Console) -> None:
        self._terminal = terminal
        self._live = Live(console=terminal, transient=True, auto_refresh=False) if terminal.is_terminal else None
        self._told: tuple[Any, ...] = ()

    def __enter__(self) -> StepView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, message: Mapping[str, Any]) -> None:
        """What the operator is asked now."""
        if self._live is not None:
            self._live.update(_panel(message), refresh=True)
            return
        told = (message.get("step"), message.get("title"), message.get("hint"))
        if told != self._told:
            self._told = told
            place = f"{message['step']}/{message['steps']}  " if "step" in message else ""
            hint = f"{message['hint']} " if message.get("hint") else ""
            self._terminal.print(f"{place}{message['title']}: {hint}{message['text']}", highlight=False, soft_wrap=True)


def show_profile(content: Mapping[str, Any], terminal: Console) -> None:
    """Sizes and residuals of a stored profile (the JSON object), for a person."""
    tables = [_hand_table(content, side) for side in content["hands"]]
    terminal.print(Group(*tables, Text("\n".join(_lines(content)))))


def _panel(message: Mapping[str, Any]) -> Panel:
    place = f"{message['step']} of {message['steps']} · " if "step" in message else ""
    left = f"{message['left_s']:.0f} s" if message.get("left_s") else ""
    parts: list[Any] = [
        Text(str(message["text"]), style="bold"),
        ProgressBar(1.0, float(message["progress"]), width=40),
    ]
    if message.get("hint"):
        parts.append(Text(str(message["hint"]), style="yellow"))
    return Panel(Group(*parts), title=f"{place}{message['title']}", subtitle=left, width=90)


def _hand_table(content: Mapping[str, Any], side: str) -> Table:
    hand, residuals = content["hands"][side], content["residuals"].get(side, {})
    table = Table(title=f"{side} hand, in mm (in brackets: the robot without this calibration)", title_justify="left")
    for name in ("finger", "length", "spread", "touches at", f"{content['robot']}'s tip off by", "its pinch off by"):
        table.add_column(name, justify="left" if name == "finger" else "right")
    for k, finger in enumerate(FINGERS):
        touch = "" if k == 0 else f"{hand['touch_mm'][k - 1]:.1f}"
        residual = residuals.get(finger, {})
        pairs = [_pair(residual, key) for key in ("tip", "pinch")]
        table.add_row(finger, f"{hand['finger_mm'][k]:.1f}", f"{hand['spread_mm'][k]:.1f}", touch, *pairs)
    return table


def _pair(residual: Mapping[str, float], key: str) -> str:
    if f"{key}_mm" not in residual:
        return ""
    return f"{residual[f'{key}_mm']:.1f} ({residual[f'{key}_before_mm']:.1f})"


def _lines(content: Mapping[str, Any]) -> list[str]:
    arms = [
        f"{side} arm: {arm['length_mm']:.0f} mm from shoulder to wrist, off its circle by {arm['residual_mm']:.1f} mm"
        for side, arm in content["arms"].items()
    ]
    notes = [f"note: {note}" for note in content.get("notes", [])]
    return [*arms, *notes, f"{content['name']}, measured with {content['device']} on {content['made']}"]
