"""rove train: arguments, exit codes, and a whole run that is killed and goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rove_teleop.cli import main
from rove_teleop.cli.train import METHODS, PRESETS
from rove_teleop.models.checkpoint import load_checkpoint


def test_the_choices_are_those_that_there_are():
    from rove_teleop.training import methods, presets

    assert set(methods.METHODS) == set(METHODS) and tuple(presets.PRESETS) == PRESETS


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["sft", "nowhere"], 1, "is not a dataset"),
        (["sft", "nowhere", "--initial", "no.safetensors"], 2, "no.safetensors"),
        (["sft", "nowhere", "--steps", "3"], 2, "3 is not a number of steps"),
        (["sft", "nowhere", "--seed", "-1"], 2, "-1 is not a whole number"),
        (["sft", "nowhere", "--image-size", "9x9"], 2, "9x9 is not HEIGHTxWIDTH"),
        (["bc", "nowhere"], 2, "invalid choice: 'bc'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, monkeypatch, capsys, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    try:
        found = main(["train", *arguments, "--out", "run"])
    except SystemExit as ended:
        found = ended.code
    assert found == code and words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def dataset(reach, tmp_path):
    """A copy, for labels are written beside the episodes."""
    return Path(shutil.copytree(reach, tmp_path / "dataset"))


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_killed_run_goes_on_to_the_same_policy(dataset, tmp_path, capsys):
    whole, killed = (["train", "rove", str(dataset), "--steps", "60", "--out", str(tmp_path / name / "run")]
                     for name in ("whole", "killed"))  # fmt: skip
    out = tmp_path / "killed" / "run"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "rove_teleop.cli", *killed], env=environment)
    deadline_s = time.monotonic() + 120.0
    while not (out / "critic.safetensors").exists() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (out / "critic.safetensors").exists() and not (out / "metrics.json").exists()
    assert main(killed) == 0
    said = capsys.readouterr().out
    assert "8 episodes were used, 0 left out" in said and "report.md" in said
    # The same name of labels, of the same run.
    assert main([*killed, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["labels"]["steps"] > 0
    assert main([*killed, "--seed", "1"]) == 2
    assert "another seed" in capsys.readouterr().err
    assert main(whole) == 0
    assert (tmp_path / "whole" / "run" / "policy.safetensors").read_bytes() == (out / "policy.safetensors").read_bytes()


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_the_same_command_under_torchrun(dataset, tmp_path):
    out = tmp_path / "torchrun"
    arguments = ["train", "rove", str(dataset), "--steps", "20", "--out", str(out)]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "rove_teleop.cli"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _ in ("trains", "finds it finished"):
        done = subprocess.run(
            [sys.executable, *launcher, *arguments],
            env=environment, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("8 episodes were used") == 1
    header = load_checkpoint(out / "policy.safetensors").header
    assert header.provenance["method"] == "rove" and not (out / "state").exists()
