"""rove failure as typed: what is refused before an hour is spent, and what is never written over."""

import pytest

from rove_teleop.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--without", "overtime,overtme"], "there is no detector 'overtme' (there are: "),
        (["--out", "policy.json"], "its networks would be written over policy.safetensors"),
        (["--out", "policy.safetensors"], "its networks would be written over policy.safetensors"),
        (["--out", "policy.safetensors/calibration.json"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.safetensors").write_bytes(b"a policy")
    assert main(["failure", "calibrate", "--task", "toaster", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "policy.safetensors").read_bytes() == b"a policy"
