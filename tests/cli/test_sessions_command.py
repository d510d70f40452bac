"""rove collect as typed: an episode that nobody could end is refused before anything starts."""

import pytest

from rove_teleop.cli import main


@pytest.mark.parametrize("who", [("--sim", "--operator", "openxr"), ("--operator", "none")])
def test_a_session_in_which_nobody_says_how_it_ended_is_refused(who, tmp_path, capsys):
    assert main(["collect", *who, "--headless", "--dataset", str(tmp_path / "data")]) == 2
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert f"--operator {who[-1]}" in sentence and "--supervisor console" in sentence
    assert not (tmp_path / "data").exists()
