"""rove collect as typed: an episode that nobody could end is refused before anything starts."""

import numpy as np
import pytest

from rove_teleop.cli import main
from tests.tracking import recordings


@pytest.mark.parametrize("who", [("--sim", "--operator", "openxr"), ("--operator", "none")])
def test_a_session_in_which_nobody_says_how_it_ended_is_refused(who, tmp_path, capsys):
    assert main(["collect", *who, "--headless", "--dataset", str(tmp_path / "data")]) == 2
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert f"--operator {who[-1]}" in sentence and "--supervisor console" in sentence
    assert not (tmp_path / "data").exists()


def test_a_recording_in_the_wrong_unit_of_time_is_not_blamed_on_an_option(tmp_path, capsys):
    path = tmp_path / "glove.npz"
    path.write_bytes(recordings.manus(timestamps=1e4 * np.arange(4)))
    assert main(["replay-motion", str(path), "--headless", "--dataset", str(tmp_path / "data")]) == 2
    said = capsys.readouterr().err
    assert "glove.npz: lasts 30000 s" in said and "--time-limit" not in said
