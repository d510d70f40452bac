"""An operator is remembered to a hundredth of a millimetre, and a damaged memory is one sentence, never a crash."""

import json
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rove_teleop.errors import ConfigInvalid, RoveError, UsageError
from rove_teleop.operators.profile_store import load_profile, profile_names, profile_path, save_profile
from rove_teleop.operators.profiles import checked_name, make_profile
from rove_teleop.retargeting.arm_size import ArmSize
from rove_teleop.retargeting.calibration import Calibration, FingerResidual, HandCalibration, HandSize

SIZE = HandSize(np.array([0.101, 0.0892, 0.0991, 0.0931, 0.0729]), np.array([0.0123, 0.0, 0.015, 0.02]))
RESIDUALS = {"right": {"thumb": FingerResidual(0.0012, 0.004), "index": FingerResidual(0.001, 0.003, 0.0002, 0.012)}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ROVE_CONFIG_DIR", str(tmp_path))
    return tmp_path


def profile(name="ada", notes=("little finger",)):
    calibration = Calibration(
        hands={"right": HandCalibration(SIZE, np.full(5, 0.0004), {})},
        arms={"right": ArmSize(0.583, np.zeros(3), 0.004), "left": ArmSize(0.58, np.zeros(3), 0.002)},
        shoulder_from_head_m={"right": np.array([0.02, -0.19, -0.22])},
        notes=notes,
    )
    return make_profile(name, "webxr", "iron_r01", calibration, RESIDUALS)


@pytest.mark.parametrize("notes", [(), ("little finger", "arms: it was not lowered")])
def test_what_was_saved_comes_back(notes):
    saved = profile(notes=notes)
    path = save_profile(saved)
    loaded = load_profile("ada")
    assert np.allclose(loaded.sizes["right"].finger_m, SIZE.finger_m, atol=1e-5)
    assert np.allclose(loaded.sizes["right"].touch_m, SIZE.touch_m, atol=1e-5)
    assert loaded.residuals == RESIDUALS
    assert loaded.arms["right"].length_m == pytest.approx(0.583)
    assert np.allclose(loaded.arms["right"].shoulder_from_head_m, [0.02, -0.19, -0.22])
    assert loaded.arms["left"].shoulder_from_head_m is None
    assert (loaded.device, loaded.robot, loaded.notes, loaded.made) == ("webxr", "iron_r01", notes, saved.made)
    assert loaded.hash == saved.hash
    assert stat.S_IMODE(path.stat().st_mode) == 0o600  # a person's body is nobody else's business


def test_who_was_never_calibrated_is_nobody():
    assert load_profile("grace") is None
    assert profile_names() == []


def test_a_new_calibration_replaces_the_old_one_and_leaves_nothing_beside_it(folder):
    save_profile(profile())
    save_profile(profile(notes=()))
    assert [path.name for path in (folder / "operators").iterdir()] == ["ada.json"]
    assert load_profile("ada").notes == ()
    save_profile(profile("grace"))
    assert profile_names() == ["ada", "grace"]


def test_upper_and_lower_case_are_the_same_person():
    save_profile(profile("Jörg"))
    assert load_profile("jörg") is not None
    assert profile_path("JÖRG") == profile_path("jörg")


@pytest.mark.parametrize("name", ["", "../ada", "a/b", "a b", ".ada", "-ada", "a" * 41, "ada\n", "a\0", "%2e"])
def test_a_name_that_could_be_another_file_is_refused(name):
    with pytest.raises(UsageError, match="operator name"):
        profile_path(name)


@given(st.text(max_size=50))
def test_a_name_is_refused_or_stays_what_it_is(name):
    try:
        once = checked_name(name)
    except UsageError:
        return
    assert checked_name(once) == once
    assert "/" not in once and not once.startswith(".")


def change(path, edit):
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.update(version=2), "'version' is 2"),
        (lambda c: c.pop("hands"), "'hands' is missing"),
        (lambda c: c["hands"].update(middle={}), "'hands.middle' is not a known key"),
        (lambda c: c["hands"]["right"].update(finger_mm=[1.0]), "'hands.right.finger_mm' must be a list of 5 numbers"),
        (
            lambda c: c["hands"]["right"].update(finger_mm=[float("nan")] * 5),
            "'hands.right.finger_mm' must be a number",
        ),
        (lambda c: c["hands"]["right"].update(finger_mm=[900.0] * 5), "thumb is 900 mm long"),
        (lambda c: c["arms"]["left"].update(length_mm=9000.0), "'arms.left.length_mm' is 9000, outside 300 to 900"),
        (lambda c: c["residuals"]["right"].update(toe={}), "toe"),
        (lambda c: c["residuals"]["right"]["thumb"].pop("tip_mm"), "tip_mm"),
        (lambda c: c.update(colour="red"), "'colour' is not a known key"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_file_and_line(edit, words):
    path = save_profile(profile())
    change(path, edit)
    with pytest.raises(ConfigInvalid) as refusal:
        load_profile("ada")
    assert words in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}:")
    assert refusal.value.exit_code == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_a_sentence_or_harmless(data):
    path = save_profile(profile())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        load_profile("ada")
    except RoveError as error:
        assert "ada.json:" in str(error)


@pytest.mark.parametrize("content", [b"", b"[" * 60000, b"\xff\xfe", b"[]", b"{}", b" " * 100_000, b"{" * 9])
def test_what_is_no_profile_is_refused(content):
    path = save_profile(profile())
    path.write_bytes(content)
    with pytest.raises(ConfigInvalid, match=r"ada\.json:1"):
        load_profile("ada")


def test_a_folder_that_cannot_be_written_is_a_sentence(folder):
    (folder / "operators").write_text("a file, not a folder")
    with pytest.raises(UsageError, match="cannot be written"):
        save_profile(profile())
