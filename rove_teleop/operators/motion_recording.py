"""Recording a tracking device without a session: every frame as received, in a file that replays bit for bit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..clock import monotonic_s
from ..errors import TrackingUnavailable, UsageError
from ..tracking.readers import rove
from ..types import OperatorFrame

NextFrame = Callable[[float], OperatorFrame | None]
"""The newest frame of a device; waits for one, at most so many seconds."""
Progress = Callable[[float, int], None]
"""Called about twice a second with the seconds since the first frame (0 before it) and the frames so far."""
LONGEST_WAIT_S = 0.05
PROGRESS_S = 0.5


def record_frames(
    next_frame: NextFrame,
    duration_s: float,
    frames: list[OperatorFrame],
    problem: Callable[[], str | None],
    patience_s: float = 30.0,
    progress: Progress | None = None,
) -> None:
    """Append a device's frames to ``frames`` for ``duration_s`` from the first; an interrupt leaves what is there.

    Raises:
        TrackingUnavailable: no frame came within ``patience_s``; says what ``problem`` the device has.
    """
    begin_s = monotonic_s()
    first_s: float | None = None
    told_s = -np.inf
    while True:
        frame, now_s = next_frame(LONGEST_WAIT_S), monotonic_s()
        if frame is not None:
            first_s = now_s if first_s is None else first_s
            frames.append(frame)
        elapsed_s = 0.0 if first_s is None else now_s - first_s
        if progress is not None and now_s - told_s >= PROGRESS_S:
            told_s = now_s
            progress(elapsed_s, len(frames))
        if first_s is not None and elapsed_s >= duration_s:
            return
        if first_s is None and now_s - begin_s > patience_s:
            raise TrackingUnavailable(f"no frame came within {patience_s:g} s: {problem() or 'the device is silent'}")


def save_recording(path: Path, frames: list[OperatorFrame]) -> None:
    """Write a recording: the file is there as a whole or not at all, and survives a power cut.

    Raises:
        UsageError: the file cannot be written.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            np.savez_compressed(file, allow_pickle=False, **rove.pack_frames(frames))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
