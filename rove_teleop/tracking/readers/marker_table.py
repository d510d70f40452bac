"""The columns of a Qualisys marker TSV: stamps and positions by marker, lost markers as NaN."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from ...errors import MotionFileInvalid
from ...types import Array

MILLIMETRE = 1e-3
DEFAULT_HZ = 100.0


def read_markers(path: Path, text: str) -> tuple[Array, dict[str, Array]]:
    """Stamps (n,) in seconds and positions (n, 3) in metres by marker; NaN where a marker is lost."""
    lines = text.splitlines()
    names, frame_count, frequency_hz, first = _header(path, lines)
    rows: list[list[float]] = []
    row_lines: list[int] = []
    columns = 0
    for k in range(first, len(lines)):
        if not lines[k].strip():
            continue
        cells = lines[k].split("\t")
        columns = columns or (len(names) * 3 + (2 if len(cells) >= len(names) * 3 + 2 else 0))
        if len(cells) == columns + 1 and not cells[-1].strip():
            cells.pop()
        if len(cells) != columns:
            raise MotionFileInvalid(f"{path}:{k + 1}: {len(cells)} columns where {len(names)} markers need {columns}")
        row_lines.append(k + 1)
        rows.append([_number(f"{path}:{k + 1}", names, columns, c, cell) for c, cell in enumerate(cells)])
    if not rows:
        raise MotionFileInvalid(f"{path}: holds no frames")
    if len(rows) < frame_count:
        raise MotionFileInvalid(f"{path}:{len(lines)}: ends after {len(rows)} of {frame_count} frames (truncated?)")
    table = np.array(rows)
    positions = table[:, columns - 3 * len(names) :].reshape(len(table), len(names), 3) * MILLIMETRE
    positions[np.all(positions == 0.0, axis=2)] = np.nan
    for row, marker in np.argwhere(np.isnan(positions).any(axis=2) & ~np.isnan(positions).all(axis=2))[:1]:
        raise MotionFileInvalid(f"{path}:{row_lines[row]}: marker {names[marker]} is NaN in some axes but not in all")
    stamp_s = table[:, 1] if columns > 3 * len(names) else np.arange(len(table)) / frequency_hz
    return stamp_s, {name: positions[:, k] for k, name in enumerate(names)}


def _header(path: Path, lines: list[str]) -> tuple[list[str], int, float, int]:
    """Marker names, frame count (0: not said), frequency in Hz and the index of the first line of values."""
    names: list[str] = []
    frequency_hz, frame_count = 0.0, 0.0
    for k, line in enumerate(lines):
        cells = [cell.strip() for cell in line.split("\t")]
        if cells[0] == "MARKER_NAMES":
            names = [cell for cell in cells[1:] if cell]
        elif cells[0] == "FREQUENCY" and len(cells) > 1:
            frequency_hz = _number(f"{path}:{k + 1}", [], 0, 0, cells[1])
        elif cells[0] == "NO_OF_FRAMES" and len(cells) > 1:
            frame_count = _number(f"{path}:{k + 1}", [], 0, 0, cells[1])
        elif cells[0] == "Frame":
            named = [cell.removesuffix(" X") for cell in cells if cell.endswith(" X")]
            if names and names != named:
                raise MotionFileInvalid(f"{path}:{k + 1}: its columns are not those of MARKER_NAMES")
            names = named
        elif names and re.match(r"^[-+.\d]", cells[0] or "x"):
            break
    else:
        k = len(lines)
    if not names or len(set(names)) != len(names):
        raise MotionFileInvalid(f"{path}: names no markers, or one twice")
    if not 1.0 <= frequency_hz <= 1e4:
        frequency_hz = DEFAULT_HZ
    return names, int(frame_count), frequency_hz, k


def _number(where: str, names: list[str], columns: int, column: int, cell: str) -> float:
    marker = column - (columns - 3 * len(names))
    what = f"marker {names[marker // 3]} {'XYZ'[marker % 3]}" if marker >= 0 and names else ("frame", "time")[column]
    if not cell.strip() and marker >= 0:
        return math.nan
    try:
        value = float(cell)
    except ValueError as error:
        raise MotionFileInvalid(f"{where}: {what} is '{cell.strip()[:40]}', not a number") from error
    if math.isinf(value) or (math.isnan(value) and marker < 0):
        raise MotionFileInvalid(f"{where}: {what} is {cell.strip()}, not a finite number")
    return value
