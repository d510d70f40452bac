"""The OpenXR device against Monado, a real runtime: what is injected comes out, and every loss is survived."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.types import HAND_POINTS, SIDES

from .monado import Monado, need_monado
from .openxr_process import Headset, tracked, wrist

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

HALF = float(np.sqrt(0.5))
FINGERS = ("index", "middle", "ring", "little")
FLOAT32 = 2e-6
"""Poses are 32-bit floats in OpenXR, added once to the height of the floor."""


@pytest.fixture
def monado() -> Iterator[Monado]:
    need_monado()
    service = Monado()
    try:
        service.start()
        yield service
    finally:
        service.close()


@pytest.fixture
def headset(monado: Monado, tmp_path: Path) -> Iterator[Headset]:
    device = Headset(monado.environment, tmp_path / "device.log")
    yield device
    device.close()


@pytest.fixture
def layered(monado: Monado, tmp_path: Path) -> Iterator[Headset]:
    device = Headset(monado.environment, tmp_path / "device.log", layer="layer")
    yield device
    device.close()


def point(frame: dict, side: str, name: str) -> np.ndarray:
    return np.array(frame[side]["points"][HAND_POINTS.index(name)])


def ours(position_m: tuple[float, float, float]) -> np.ndarray:
    x, y, z = position_m
    return np.array([-z, -x, y])


def test_head_and_wrists_come_out_as_injected(monado: Monado, headset: Headset) -> None:
    headset.frame(tracked("right"), "right hand")
    monado.person.head_m = (0.11, 1.52, -0.07)
    monado.person.right.position_m = (0.31, 1.17, -0.45)
    monado.person.left.position_m = (-0.27, 0.98, -0.33)
    monado.person.left.quat_xyzw = (0.0, HALF, 0.0, HALF)  # fingers to the operator's left
    monado.send()
    frame = headset.frame(lambda f: abs(np.array(f["head"])[1, 3] + 0.11) < 1e-4, "moved head")
    frame = headset.frame(lambda f: f["sequence"] > frame["sequence"], "frame after it")
    assert np.allclose(np.array(frame["head"])[:3, 3], ours(monado.person.head_m), atol=FLOAT32)
    for side, hand in (("left", monado.person.left), ("right", monado.person.right)):
        assert np.allclose(wrist(frame, side)[:3, 3], ours(hand.position_m), atol=FLOAT32)
    assert np.allclose(wrist(frame, "right")[:3, :3], np.eye(3), atol=FLOAT32)
    assert np.allclose(wrist(frame, "left")[:3, 0], [0, 1, 0], atol=FLOAT32)
    assert np.allclose(wrist(frame, "left")[:3, 2], [0, 0, 1], atol=FLOAT32)
    assert frame["engaged"]
    assert frame["space"] == 0


def test_both_hands_have_the_joints_of_hands(monado: Monado, headset: Headset) -> None:
    flat = headset.frame(lambda f: tracked("left")(f) and tracked("right")(f), "two hands")
    for side, thumbward in zip(SIDES, (-1.0, 1.0), strict=True):
        assert np.allclose(point(flat, side, "wrist"), 0.0)
        for finger in FINGERS:
            along = [point(flat, side, f"{finger}_{part}")[0] for part in ("mcp", "pip", "dip", "tip")]
            assert along == sorted(along), (side, finger, along)
            assert 0.05 < along[0] < along[3] < 0.25
        assert point(flat, side, "thumb_tip")[1] * thumbward > point(flat, side, "index_mcp")[1] * thumbward
        across = [point(flat, side, f"{finger}_mcp")[1] * thumbward for finger in FINGERS]
        assert across == sorted(across, reverse=True), (side, across)
    monado.person.right.curl = (1.0, 1.0, 1.0, 1.0, 1.0)
    monado.send()
    fist = headset.frame(lambda f: point(f, "right", "middle_tip")[0] < 0.12, "fist")
    for finger in FINGERS:
        assert point(fist, "right", f"{finger}_tip")[2] < point(flat, "right", f"{finger}_tip")[2] - 0.01
        assert np.allclose(point(fist, "left", f"{finger}_tip"), point(flat, "left", f"{finger}_tip"), atol=1e-4)


def test_frames_come_at_the_rate_of_a_headset(headset: Headset) -> None:
    first = headset.frame(tracked("left"), "hand")
    frames = [first]
    while frames[-1]["stamp_s"] < first["stamp_s"] + 2.0:
        frames.append(headset.frame(lambda f: True, "frame"))
    stamps_s = np.array([frame["stamp_s"] for frame in frames])
    assert 60 < (len(frames) - 1) / (stamps_s[-1] - stamps_s[0]) < 91
    assert (np.diff(stamps_s) > 0).all()
    assert (np.diff([frame["sequence"] for frame in frames]) == 1).all()
    ages_ms = 1000 * np.array([frame["age_s"] for frame in frames])
    print(f"a frame takes {np.median(ages_ms):.2f} ms (p99 {np.percentile(ages_ms, 99):.2f} ms)")
    assert np.median(ages_ms) < 8


def test_a_hand_that_is_lost_is_none_and_the_other_stays(monado: Monado, headset: Headset) -> None:
    headset.frame(tracked("left"), "left hand")
    monado.person.left.tracked = False
    monado.send()
    lost = headset.frame(lambda f: not tracked("left")(f), "frame without the left hand")
    assert lost["left"] == {"wrist": None, "points": None}
    assert lost["right"]["points"] is not None
    monado.person.left.tracked = True
    monado.send()
    headset.frame(tracked("left"), "left hand again")


def test_a_controller_is_a_deadman(monado: Monado, headset: Headset) -> None:
    headset.frame(tracked("right"), "right hand")
    right = monado.person.right
    right.held, right.tracked = True, False
    monado.send()
    held = headset.frame(lambda f: not f["engaged"], "controller that is not squeezed")
    assert held["right"]["points"] is not None
    right.squeeze = 1.0
    monado.send()
    squeezed = headset.frame(lambda f: f["engaged"] and tracked("right")(f), "squeezed controller")
    # A grip with -z forward: the hand is around a rod that points forward, so its fingers point down.
    assert np.allclose(wrist(squeezed, "right")[:3, 0], [0, 0, -1], atol=FLOAT32)
    palm_m = (wrist(squeezed, "right") @ [0.07, 0.0, -0.03, 1.0])[:3]
    assert np.allclose(palm_m, ours(right.position_m), atol=FLOAT32)
    reach_m = np.linalg.norm(point(squeezed, "right", "index_tip"))
    right.trigger = 1.0
    monado.send()
    headset.frame(lambda f: np.linalg.norm(point(f, "right", "index_tip")) < 0.8 * reach_m, "closed hand")
    # The other hand takes a controller, too: now both must be squeezed.
    monado.person.left.held = True
    monado.send()
    headset.frame(lambda f: not f["engaged"], "second controller that is not squeezed")
    monado.person.left.squeeze = 1.0
    monado.send()
    headset.frame(lambda f: f["engaged"], "two squeezed controllers")
    right.squeeze = 0.0
    monado.send()
    headset.frame(lambda f: not f["engaged"], "released deadman")


def test_a_squeezed_controller_keeps_to_what_it_was_followed_by(monado: Monado, headset: Headset) -> None:
    """Fingers seen by cameras and fingers guessed from a trigger differ: the robot would drop what it holds."""
    right = monado.person.right
    right.held, right.tracked, right.squeeze, right.curl = True, True, 1.0, (1.0,) * 5
    monado.send()
    headset.frame(lambda f: f["engaged"] and tracked("right")(f) and point(f, "right", "index_tip")[0] < 0.12, "fist")
    right.tracked = False
    monado.send()
    lost = headset.frame(lambda f: f["right"]["points"] is None, "frame without the hand")
    assert lost["right"]["wrist"] is None
    right.squeeze = 0.0
    monado.send()
    again = headset.frame(tracked("right"), "hand by its controller")
    assert not again["engaged"]


def test_recentering_is_a_new_space(monado: Monado, headset: Headset) -> None:
    headset.frame(tracked("right"), "right hand")
    monado.person.head_m = (0.3, 1.5, -0.2)
    monado.send()
    before = headset.frame(lambda f: abs(np.array(f["head"])[0, 3] - 0.2) < 1e-4, "moved head")
    monado.control("-c")
    after = headset.frame(lambda f: f["space"] == before["space"] + 1, "new space")
    after = headset.frame(lambda f: f["sequence"] > after["sequence"], "frame after it")
    moved_m = wrist(after, "right")[:3, 3] - wrist(before, "right")[:3, 3]
    assert np.allclose(moved_m, -ours((0.3, 0.0, -0.2)), atol=1e-5)
    assert np.allclose(np.array(after["head"])[:2, 3], 0.0, atol=1e-5)
    # No frame of the new origin carried the old number, nor the other way round.
    for row in headset.rows:
        if row["frame"] is not None and tracked("right")(row["frame"]):
            shifted = abs(wrist(row["frame"], "right")[0, 3] - wrist(after, "right")[0, 3]) < 1e-4
            assert shifted == (row["frame"]["space"] == after["space"])


def test_a_killed_runtime_is_one_sentence_and_its_return_a_new_space(monado: Monado, headset: Headset) -> None:
    before = headset.frame(tracked("right"), "right hand")
    for lives in (1, 2):
        monado.kill(signal.SIGKILL)
        gone = headset.until(lambda row: row["problem"], "problem")
        assert gone["frame"] == {
            **gone["frame"], "engaged": False, "head": None,
            "left": {"wrist": None, "points": None}, "right": {"wrist": None, "points": None},
        }  # fmt: skip
        assert gone["problem"].startswith("openxr: ")
        assert "\n" not in gone["problem"]
        waiting = headset.until(lambda row: "does not answer" in row["problem"], "sentence about the service")
        assert waiting["frame"] is None
        assert headset.quiet_for(0.5)
        monado.start()
        after = headset.frame(tracked("right"), "right hand again")
        assert after["space"] == before["space"] + lives
        assert after["sequence"] > gone["frame"]["sequence"]
        assert headset.until(lambda row: True, "row")["problem"] is None
    assert headset.rows[-1]["counts"]["sessions_lost"] == 2


def test_without_a_runtime_it_waits_and_says_so(tmp_path: Path) -> None:
    need_monado()
    service = Monado()
    device = Headset(service.environment, tmp_path / "device.log")
    try:
        assert "start its service" in device.until(lambda row: row["problem"], "problem")["problem"]
        service.start()
        assert device.frame(tracked("left"), "left hand")["space"] == 0
    finally:
        device.close()
        service.close()
    nowhere = Headset({"XR_RUNTIME_JSON": str(tmp_path / "nowhere.json")}, tmp_path / "other.log")
    try:
        assert "no OpenXR runtime is set up" in nowhere.until(lambda row: row["problem"], "problem")["problem"]
    finally:
        nowhere.close()


def test_a_runtime_that_hangs_delivers_nothing_young(monado: Monado, headset: Headset) -> None:
    headset.frame(tracked("left"), "left hand")
    monado.freeze(True)
    headset.quiet_for(0.3)
    assert headset.quiet_for(0.5)
    monado.freeze(False)
    late = headset.frame(lambda f: True, "frame that was on its way")
    assert late["age_s"] > 0.4
    headset.frame(lambda f: tracked("left")(f) and f["age_s"] < 0.1, "young frame")


def test_every_call_is_valid(monado: Monado, tmp_path: Path) -> None:
    """The Khronos validation layer reads along, through a loss and a new session."""
    report = tmp_path / "validation.txt"
    environment = {"XR_CORE_VALIDATION_EXPORT_TYPE": "text", "XR_CORE_VALIDATION_FILE_NAME": str(report)}
    monado.person.left.held, monado.person.left.squeeze = True, 1.0
    monado.send()
    device = Headset({**monado.environment, **environment}, tmp_path / "device.log", layer="validated")
    try:
        device.frame(lambda f: tracked("left")(f) and tracked("right")(f) and f["engaged"], "both hands")
        monado.control("-c")
        device.frame(lambda f: f["space"] == 1, "new space")
        monado.kill()
        device.until(lambda row: row["problem"], "problem")
        monado.start()
        device.frame(lambda f: f["space"] == 2 and tracked("right")(f), "right hand again")
    finally:
        device.close()
    lines = report.read_text().splitlines()
    assert sum("is initialized" in line for line in lines) >= 2
    complaints = [line for line in lines if "VALID_ERROR" in line or "VALID_WARNING" in line]
    assert not complaints, complaints


def free_hand(seed: int) -> list[list[float]]:
    """26 poses that no hand makes and 32-bit floats hold: each joint somewhere, each with its own orientation."""
    random = np.random.default_rng(seed)
    positions = random.uniform((0.1, 1.0, -0.5), (0.3, 1.2, -0.3), (26, 3))
    quats = random.normal(size=(26, 4))
    quats /= np.linalg.norm(quats, axis=1, keepdims=True)
    return np.hstack([positions, quats]).astype(np.float32).astype(float).tolist()


def test_26_free_joints_come_out_exactly(layered: Headset) -> None:
    layered.frame(tracked("left"), "left hand")
    poses = {side: free_hand(seed) for seed, side in enumerate(SIDES)}
    layered.say(joints=poses)
    for side in SIDES:
        want_m = ours(tuple(poses[side][1][:3]))
        frame = layered.frame(
            lambda f, s=side, w=want_m: f[s]["wrist"] is not None and np.allclose(wrist(f, s)[:3, 3], w, atol=1e-9),
            "free hand",
        )
        joints = [row for row in range(1, 26) if row not in (6, 11, 16, 21)]
        for points_m, row in zip(frame[side]["points"], joints, strict=True):
            world_m = (wrist(frame, side) @ [*points_m, 1.0])[:3]
            assert np.allclose(world_m, ours(tuple(poses[side][row][:3])), atol=1e-9)
    layered.say(unknown={"left": [13], "right": [1]})
    half = layered.frame(lambda f: f["left"]["points"] is None, "hand without a joint")
    assert half["left"]["wrist"] is not None
    assert half["right"] == {"wrist": None, "points": None}


@pytest.mark.parametrize(
    ("off", "on"),
    [({"worn": False}, {"worn": True}), ({"state": "VISIBLE"}, {"state": "FOCUSED"})],
    ids=["taken off", "not in focus"],
)
def test_a_headset_nobody_looks_through_drives_nothing(layered: Headset, off: dict, on: dict) -> None:
    seen = layered.frame(tracked("left"), "left hand")
    layered.say(**off)
    last = layered.until(lambda row: row["problem"], "problem")
    assert "not worn" in last["problem"]
    assert not last["frame"]["engaged"]
    assert not any(tracked(side)(last["frame"]) for side in SIDES)
    assert layered.quiet_for(0.5)
    layered.say(**on)
    assert layered.frame(tracked("left"), "left hand again")["space"] == seen["space"]


def test_a_session_that_the_runtime_ends_is_opened_again(layered: Headset) -> None:
    layered.frame(tracked("left"), "left hand")
    layered.say(state="LOSS_PENDING")
    assert "ended the session" in layered.until(lambda row: row["problem"], "problem")["problem"]
    assert layered.frame(tracked("left"), "left hand again")["space"] == 1
    layered.say(state="STOPPING")  # Monado never asked for it, so it refuses: one more loss to survive
    layered.frame(lambda f: f["space"] == 2 and tracked("left")(f), "left hand once more")
