"""rove calibrate as typed: what is refused before anything starts, what is remembered, what the terminal shows."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from rove_teleop.cli import main
from rove_teleop.operators.calibration_report import StepView, show_profile
from rove_teleop.operators.profile_store import calibration_hint, load_profile, profile_path, save_profile
from rove_teleop.operators.profiles import content_of, make_profile
from rove_teleop.retargeting.calibration import Calibration, FingerResidual, HandCalibration, HandSize

STEP = {"step": 3, "steps": 7, "title": "Thumb", "text": "Touch.", "progress": 0.5, "left_s": 4.2, "hint": ""}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ROVE_CONFIG_DIR", str(tmp_path))
    return tmp_path


def ada():
    size = HandSize(np.full(5, 0.09), np.full(4, 0.012))
    calibration = Calibration(hands={"left": HandCalibration(size, np.full(5, 0.0005), {})}, notes=("a remark",))
    residuals = {"left": {"thumb": FingerResidual(0.001, 0.002), "index": FingerResidual(0.001, 0.002, 0.0003, 0.0064)}}
    return make_profile("ada", "openxr", "iron_r01", calibration, residuals)


def test_a_folder_that_cannot_be_made_is_one_sentence(folder, monkeypatch, capsys):
    (folder / "file").touch()
    monkeypatch.setenv("ROVE_CONFIG_DIR", str(folder / "file"))
    assert main(["calibrate", "ada", "--operator", "openxr", "--headless"]) == 2
    assert "file/logs/calibration: cannot be made, for the logs (Not a directory)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs the name"),
        (["ada"], "needs the name of the operator, and --operator"),
        (["../ada", "--operator", "openxr"], "operator name"),
        (["ada", "--operator", "simulated"], "nobody to calibrate"),
        (["ada", "--operator", "none"], "nobody to calibrate"),
        (["ada", "--operator", "replay:/nowhere.npz"], "/nowhere.npz"),
        (["ada", "--operator", "webxr", "--headless"], "leave --headless out"),
        (["ada", "--show"], "ada has not been calibrated"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(arguments, words, capsys):
    assert main(["calibrate", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_damaged_memory_is_named_by_file_and_line(tmp_path, capsys):
    save_profile(ada())
    path = profile_path("ada")
    path.write_text(path.read_text()[:300])
    for command in (
        ["collect", "--sim", "--operator-name", "ada", "--dataset", str(tmp_path / "none")],
        ["calibrate", "ada", "--show"],
    ):
        assert main(command) == 2
        assert capsys.readouterr().err.startswith(f"rove: {path}:")
    assert not (tmp_path / "none").exists()


def test_who_is_remembered_and_how_well(capsys):
    assert main(["calibrate", "--list"]) == 0
    assert capsys.readouterr().out == "nobody is calibrated\n"
    save_profile(ada())
    assert main(["calibrate", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"operators": ["ada"]}
    assert main(["calibrate", "ADA", "--show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == content_of(load_profile("ada"))
    assert main(["calibrate", "ada", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "left hand, in mm" in shown and "0.3 (6.4)" in shown and "note: a remark" in shown


def test_a_pipe_gets_one_line_per_instruction_and_per_reason():
    paper = io.StringIO()
    with StepView(Console(file=paper, width=100)) as view:
        for change in ({}, {"progress": 0.7}, {"hint": "Once more: too far."}, {"step": 4, "title": "Arms"}):
            view.show({**STEP, **change})
        view.show({"title": "Calibrated", "text": "ada is remembered.", "progress": 1.0, "ended": True})
    assert paper.getvalue().splitlines() == [
        "3/7  Thumb: Touch.",
        "3/7  Thumb: Once more: too far. Touch.",
        "4/7  Arms: Touch.",
        "Calibrated: ada is remembered.",
    ]


def test_a_terminal_gets_a_panel_with_countdown_and_hint():
    paper = io.StringIO()
    with StepView(Console(file=paper, width=100, force_terminal=True)) as view:
        view.show({**STEP, "hint": "Once more: too far."})
    for words in ("3 of 7", "Thumb", "Touch.", "4 s", "Once more: too far."):
        assert words in paper.getvalue()


def test_a_profile_without_hands_shows_its_arms():
    paper = io.StringIO()
    content = {
        **content_of(ada()),
        "hands": {},
        "residuals": {},
        "arms": {"left": {"length_mm": 580.0, "residual_mm": 2.0}},
    }
    show_profile(content, Console(file=paper, width=100))
    assert "left arm: 580 mm" in paper.getvalue()


@pytest.mark.parametrize(
    ("name", "device", "known", "words"),
    [
        ("", "webxr", False, "first frames"),
        ("ada", "webxr", False, "ada has not been calibrated"),
        ("ada", "webxr", True, "calibrated with openxr, not with webxr"),
        ("ada", "openxr", True, ""),
    ],
)
def test_a_session_says_when_a_calibration_is_missing(name, device, known, words):
    hint = calibration_hint(name, device, ada() if known else None)
    assert words in hint and bool(hint) == bool(words)
