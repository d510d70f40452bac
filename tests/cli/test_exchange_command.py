"""`rove export lerobot` and `rove import lerobot`: exit codes, sentences, JSON."""

import json
import subprocess
import sys

import pytest

from rove_teleop.cli import main
from rove_teleop.robots import load_robot
from tests.exchange.exchange_tools import record


@pytest.fixture
def dataset(tmp_path):
    record(tmp_path / "dataset", 60, cameras=("ego",))
    return tmp_path / "dataset"


def test_out_and_back(dataset, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export", "lerobot", str(dataset), str(out), "--fps", "50", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"episodes": 1, "frames": 12, "sources": 1}
    # The recording's joints are not this hand's: a sentence with both sides, and no dataset.
    assert main(["import", "lerobot", str(out), str(tmp_path / "back"), "--robot", "allegro_right"]) == 1
    told = capsys.readouterr().err
    assert "they have and allegro_right has not: waist, left, right" in told
    assert "allegro_right has and they have not: joint_0.0" in told and told.count("\n") == 1
    assert not (tmp_path / "back").exists()


def test_a_mapping_file_makes_it_fit(dataset, tmp_path, capsys):
    out, names = tmp_path / "out", list(load_robot("allegro_right").joint_names)
    main(["export", "lerobot", str(dataset), str(out), "--fps", "50", "--cameras", "none"])
    joints = dict(zip(names, ("waist", "left", "right"), strict=False))
    text = json.dumps({"joints": joints, "home": names[3:]})
    (tmp_path / "map.yaml").write_text(text)
    command = ["import", "lerobot", str(out), str(tmp_path / "back"), "--robot", "allegro_right"]
    assert main([*command, "--map", str(tmp_path / "map.yaml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["episodes"], told["frames"], told["left_out"]) == (1, 12, [])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "--fps"),
        (["--fps", "0"], 2, "0 is not a whole number of frames per second"),
        (["--fps", "29.97"], 2, "29.97 is not a whole number"),
        (["--fps", "500"], 2, "at most the control rate of 250 Hz"),
        (["--fps", "50", "--phases", "recover"], 2, "'recover' is not a phase"),
        (["--fps", "50", "--outcomes", "won"], 2, "'won' is not an outcome"),
        (["--fps", "50", "--split", "test"], 2, "no episode of it fits"),
        (["--fps", "50", "--cameras", "wrist"], 1, "no camera 'wrist'"),
        (["--fps", "50", "--revision", "-1"], 2, "-1 is not the number of a revision"),
    ],
)
def test_what_cannot_be_exported(dataset, tmp_path, capsys, arguments, code, sentence):
    command = ["export", "lerobot", str(dataset), str(tmp_path / "out"), *arguments]
    try:
        assert main(command) == code
    except SystemExit as stop:
        assert stop.code == code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_exists_is_not_written_over(dataset, tmp_path, capsys):
    assert main(["export", "lerobot", str(dataset), str(dataset), "--fps", "50"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_get_it(dataset, tmp_path):
    script = (
        "import sys; sys.modules[sys.argv[1]] = None; from rove_teleop.cli import main; sys.exit(main(sys.argv[2:]))"
    )
    for package in ("pyarrow", "av"):
        command = ["export", "lerobot", str(dataset), str(tmp_path / "out"), "--fps", "50"]
        done = subprocess.run([sys.executable, "-c", script, package, *command], capture_output=True, text=True)
        assert done.returncode == 4, done.stderr
        assert "pip install 'rove_teleop[lerobot]'" in done.stderr
