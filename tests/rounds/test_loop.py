"""The whole loop with tiny networks: killed anywhere it ends with the same bytes, on any number of processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rove_teleop.clock import monotonic_s, sleep_until
from rove_teleop.episodes.check.verify import verify_dataset
from rove_teleop.errors import DatasetInvalid, UsageError
from rove_teleop.failure_calibration.files import policy_hash
from rove_teleop.rounds.loop import run_loop
from rove_teleop.rounds.loop_settings import LoopSettings
from rove_teleop.rounds.workers import Workers

ROOT = Path(__file__).parents[2]
TINY = "loop --task toaster --preset tiny --episodes 4 --evaluation 2 --demonstrations 3".split()
KILLED_AT = (
    "dataset/demonstrations/episodes/*.zarr",
    "round-0/policy.safetensors",
    "dataset/round-0/recording/*/control.log",
    "round-1/critic.safetensors",
)
"""The moments at which a run is killed: the first such file has just appeared."""


def start(out, *more):
    command = [sys.executable, "-m", "tests.rounds.tiny_loop", *TINY, "--out", str(out), *more]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    try:
        told, complaint = process.communicate(timeout=400)
    finally:
        process.kill()
    assert process.returncode == 0, complaint.decode()
    return told.decode()


def kill_when(process, out, pattern):
    deadline_s = monotonic_s() + 300.0
    while not list(out.glob(pattern)) and process.poll() is None and monotonic_s() < deadline_s:
        sleep_until(monotonic_s() + 0.005)
    process.send_signal(signal.SIGKILL)
    _, complaint = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"ended before {pattern}: {complaint.decode()}"
    assert list(out.glob(pattern)), f"{pattern} did not appear"


def results(out):
    """Everything that must not depend on kills or processes: the summary, every policy, every recorded byte."""
    files = [out / "summary.json", *out.glob("round-*/*.safetensors"), *out.glob("dataset/*/episodes/**/*")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody disturbed, in one process."""
    out = tmp_path_factory.mktemp("loop") / "run"
    told = finish(start(out, "--rounds", "1", "--workers", "1", "--json"))
    return out, json.loads(told)


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_run_has_everything(whole):
    out, told = whole
    assert [item["round"] for item in told["rounds"]] == [0, 1]
    assert all(item["success"]["episodes"] == 2 for item in told["rounds"])
    assert told == json.loads((out / "summary.json").read_text())
    assert (out / "round-1" / "report.md").read_text().startswith("# rove on toaster")
    assert "## Success" in (out / "round-1" / "report.md").read_text()
    for name, count in {"demonstrations": 3, "round-0": 4}.items():
        report = verify_dataset(out / "dataset" / name)
        assert (report.exit_code, len(report.episodes)) == (0, count), report
    assert "successful episodes" in told["rounds"][1]["alarms"]["refused"]
    assert "Not calibrated: " in (out / "round-1" / "report.md").read_text()
    assert not (out / "dataset" / "round-1").exists(), "nobody learns from what the last round would collect"


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_killed_anywhere_it_ends_the_same_on_two_processes(whole, tmp_path):
    out = tmp_path / "run"
    for pattern in KILLED_AT:
        kill_when(start(out, "--rounds", "1", "--workers", "1"), out, pattern)
    told = finish(start(out, "--rounds", "1", "--workers", "2"))
    assert "round 1:" in told
    assert results(out) == results(whole[0])


@pytest.mark.integration
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("method", "actor"), [("hg-dagger", "further"), ("sft", "anew")])
def test_round_0_is_shared(whole, tmp_path, method, actor):
    run, other = whole[0], tmp_path / method
    before = results(run)
    finish(start(other, "--rounds", "1", "--method", method, "--actor", actor, "--base", str(run), "--workers", "1"))
    assert results(run) == before
    assert not (other / "round-0").exists()
    assert json.loads((other / "summary.json").read_text())["method"] == method
    made_from = json.loads((other / "round-1/trained.json").read_text())["inputs"]
    assert len(made_from["data"]) == (1 if method == "sft" else 2)
    assert made_from["initial"] == (policy_hash(str(run / "round-0/policy.safetensors")) if actor == "further" else "")


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_who_learns_from_demonstrations_alone_collects_nothing(tmp_path):
    out = tmp_path / "run"
    finish(start(out, "--rounds", "1", "--method", "sft", "--workers", "2"))
    assert sorted(path.name for path in (out / "dataset").iterdir()) == ["demonstrations", "demonstrations.json"]
    assert "## Collected" not in (out / "round-0/report.md").read_text()


def test_a_folder_of_something_else_is_refused(tmp_path):
    run, empty = tmp_path / "run", tmp_path / "empty"
    for folder in (run, empty):
        folder.mkdir()
    (run / "config.json").write_text(json.dumps(LoopSettings("toaster", "rove", seed=1).config()))
    (tmp_path / "notes.txt").write_text("mine")
    asked = LoopSettings("toaster", "rove")
    for out, base, said in (
        (run, None, "run: is a run with seed 1, not 0"),
        (tmp_path, None, "is not empty and not a run of rove loop"),
        (tmp_path / "new", run, "run: is a run with seed 1, not 0"),
        (tmp_path / "other", empty, "empty: is no run of rove loop"),
    ):
        with Workers(1) as workers, pytest.raises(UsageError, match=said):
            run_loop(asked, out, workers, base)


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with Workers(1) as workers, pytest.raises(DatasetInvalid, match="a run cannot be written here"):
            run_loop(LoopSettings("toaster", "rove"), out, workers)
