from pathlib import Path

import pytest

from rove_teleop.failure_calibration.files import load_calibration_of, policy_text, session_calibration

NOWHERE = Path("no/dataset")


@pytest.mark.parametrize("task", ["toaster", "whiteboard"])
def test_every_shipped_policy_comes_with_its_calibration(task: str) -> None:
    """Whoever trains a shipped policy anew calibrates it anew: benchmarks/failure/detectors.py writes the files."""
    path = session_calibration("", "", task, NOWHERE)
    assert path is not None, "the shipped policy has changed, and its calibration is of another version"
    calibration = load_calibration_of(path, policy_text("", task))
    assert (calibration.task, calibration.decides, calibration.alpha) == (task, "together", 0.1)
    assert calibration.successes >= 19
    assert session_calibration("", "ws://127.0.0.1:9", task, NOWHERE) is None
