"""Numbers and names that no command can mean are refused at once: one sentence, exit code 2, nothing begun."""

import pytest

from rove_teleop.cli import main


@pytest.mark.parametrize(
    "typed",
    [
        "demo --seed -5",
        "evaluate --seed -1",
        "evaluate --seed 99999999999",
        "evaluate --episodes 0",
        "failure calibrate --task toaster --rollouts 0",
        "failure calibrate --task toaster --seed -1",
        "failure calibrate --task toaster --alpha 0",
        "failure calibrate --task toaster --alpha nan",
        "lab tune data --out lab --seed -1",
        "loop --out run --workers -1",
        "loop --out run --workers 0",
        "sim base-policy --out x.safetensors --seed -1",
        "sim base-policy --out x.safetensors --task kettle",
        "sim people data --episodes 0",
        "sim people data --task kettle",
    ],
)
def test_what_cannot_be_meant_is_refused(typed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as refused:
        main(typed.split())
    assert refused.value.code == 2
    assert "error: argument " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("typed", ["--method bc", "--preset none"])
def test_a_method_that_does_not_exist_begins_no_run(typed, tmp_path, capsys):
    assert main(["loop", "--out", str(tmp_path / "run"), *typed.split()]) == 2
    assert f"there is no {typed[2:].split()[0]} '" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_policy_is_not_trained_for_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["sim", "base-policy", "--out", str(tmp_path / "nowhere" / "x.safetensors")]) == 2
    assert "there is no folder" in capsys.readouterr().err
