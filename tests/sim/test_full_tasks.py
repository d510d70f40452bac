"""Tasks in full: fingers take and let go, the object waits in its holder, success is what the paper calls success."""

from dataclasses import replace

import numpy as np
import pytest

from rove_teleop.errors import UsageError
from rove_teleop.geometry import inverse, matrix_to_quat, transform
from rove_teleop.retargeting.hands import HandRetargeter
from rove_teleop.robots.description import load_robot
from rove_teleop.sim.closing_grasp import CLOSED, OPENED
from rove_teleop.sim.fingers import Synergy
from rove_teleop.sim.person_fingers import finger_points
from rove_teleop.sim.start_pose import reach
from rove_teleop.sim.tasks import TASK_NAMES, make_task, task_params
from rove_teleop.sim.tasks.full import CLOSED_RAD, OPEN_RAD
from rove_teleop.sim.world import World
from rove_teleop.tracking.gate_hand import NOISELESS, hand_fault
from rove_teleop.types import HandFrame

ROBOT = load_robot("iron_r01")


@pytest.fixture(scope="module", params=TASK_NAMES)
def world(request):
    return World(ROBOT, request.param, params=task_params(request.param, "deployment", "full"))


@pytest.fixture(scope="module")
def toaster():
    return World(ROBOT, "toaster", params=task_params("toaster", "deployment", "full", "varied"))


def feature(world, name):
    return world.task_state(0.0).features[world.feature_names.index(name)]


def object_pose(world):
    body = world.data.body(world.task.held_object)
    return transform(body.xmat.reshape(3, 3), body.xpos)


def stand_at(world, T_base_wrist, closure):
    """The robot is at once where its wrist is at that pose."""
    q_rad = reach(ROBOT, "right_wrist", T_base_wrist, "right_arm")
    q_rad[world.fingers.joints] = world.fingers.angles(closure)
    world.data.qpos[world._qpos] = q_rad
    world.data.qvel[:] = 0.0
    world.command(q_rad)
    return q_rad


def move_fingers(world, q_rad, closure, seconds=0.4):
    q_rad = q_rad.copy()
    q_rad[world.fingers.joints] = world.fingers.angles(closure)
    world.command(q_rad)
    world.advance(seconds)
    return q_rad


def test_the_object_waits_until_fingers_close_around_it(world):
    world.reset(4)
    assert world.stage == "beginning" and feature(world, "held") == 0.0
    world.advance(0.3)
    waits = object_pose(world)
    assert world.task_state(0.0).failure is None
    grasp = waits @ inverse(world.task.T_hand_object)
    beside = grasp.copy()
    beside[:3, 3] += [-0.03, 0.0, 0.0]
    q_rad = move_fingers(world, stand_at(world, beside, 0.0), 1.0)
    assert feature(world, "closure") > CLOSED and feature(world, "held") == 0.0
    q_rad = move_fingers(world, stand_at(world, grasp, 1.0), 1.0)
    assert feature(world, "held") == 0.0, "a hand that comes closed takes nothing"
    q_rad = move_fingers(world, move_fingers(world, q_rad, 0.0), 1.0)
    assert feature(world, "held") == 1.0
    arm, moved = ROBOT.groups["right_arm"], grasp.copy()
    for to_m in ([0.0, 0.0, 0.08], [-0.05, 0.09, 0.0]):  # up, then aside
        moved[:3, 3] += to_m
        q_rad[arm] = reach(ROBOT, "right_wrist", moved, "right_arm")[arm]
        move_fingers(world, q_rad, 1.0, 0.6)
    assert object_pose(world)[2, 3] - waits[2, 3] == pytest.approx(0.08, abs=0.01)
    assert world.task_state(0.0).failure is None
    move_fingers(world, q_rad, 0.0, 1.0)
    assert feature(world, "held") == 0.0 and feature(world, "closure") < OPENED
    assert world.task_state(0.0).failure == f"dropped the {world.task.held_object}"


def put_bread(world, T_slot_bread):
    T_base_bread = inverse(world.task._T_slot_base) @ T_slot_bread
    first = world.task._object_qpos
    world.data.qpos[first : first + 3] = T_base_bread[:3, 3]
    world.data.qpos[first + 3 : first + 7] = matrix_to_quat(T_base_bread[:3, :3])
    world.data.qvel[:] = 0.0


def test_bread_counts_when_it_rests_in_the_slot_and_the_hand_is_away():
    world = World(ROBOT, "toaster", params=task_params("toaster", "demonstration", "full"))
    world.reset(2)
    put_bread(world, transform(np.eye(3), np.array([0.0, 0.0, 0.0])))
    world.advance(0.02)
    assert not world.task_state(0.0).success, "it has not fallen yet"
    world.advance(0.8)
    state = world.task_state(0.0)
    assert state.success and state.progress == 1.0
    stand_at(world, object_pose(world) @ inverse(world.task.T_hand_object), 0.0)
    world.advance(0.1)
    state = world.task_state(0.0)
    assert not state.success and state.progress < 1.0, "the hand is still there"


def test_a_clean_board_counts_when_the_eraser_is_off_it():
    task = make_task("whiteboard", task_params("whiteboard", "deployment", "full"))
    task.ink.reset(np.ones(96))
    task.ink.erase(np.ones(96, dtype=bool), 1.0)
    for off_m, success in ((0.0, False), (0.01, False), (0.05, True)):
        task._T_board_eraser = transform(np.eye(3), np.array([0.0, 0.0, 0.015 + off_m]))
        assert task.outcome().success == success
    task.ink.reset(np.ones(96))
    assert not task.outcome().success


def test_varied_starts_are_stages_of_the_task_and_repeat(toaster):
    stages = []
    for seed in range(7):
        toaster.reset(seed)
        stages.append(toaster.stage)
        assert feature(toaster, "held") == float(toaster.stage != "beginning")
        before = toaster.snapshot()
        toaster.advance(0.1)
        state = toaster.task_state(0.0)
        assert state.failure is None and not state.success and 0.0 <= state.progress < 0.9
        if seed == 0:
            toaster.reset(seed)
            assert np.array_equal(before, toaster.snapshot())
    assert len(set(stages)) >= 3 and set(stages) <= {"beginning", "in hand", "above the goal", "half in"}


def test_half_erased_boards_are_half_erased():
    task = make_task("whiteboard", replace(task_params("whiteboard"), start="varied"))
    rng, left = np.random.default_rng(0), []
    for _ in range(20):
        task.ink.reset((rng.random(96) < 0.3).astype(float))
        task.advance_to("half erased", rng)
        left.append(task.ink.remaining)
    assert 0.15 < min(left) < max(left) < 0.85
    task.advance_to("at the board", rng)
    assert task.ink.remaining == left[-1]


def test_reports_say_which_form_and_where_it_starts(world, toaster):
    assert world.notes["form"] == "full" and world.notes["grasp_assist"] == "weld"
    assert toaster.notes["start"] == "varied"
    assert "form" not in World(ROBOT, "toaster").notes


def test_the_short_form_keeps_its_features(world):
    short = make_task(world.task.name).feature_names
    more = world.feature_names[len(short) :]
    assert world.feature_names[: len(short)] == short and len(more) == 8
    assert more[:2] == ("held", "closure") and not set(more) & set(short)


def test_a_synergy_reads_what_it_sets_and_leaves_the_thumb_alone():
    fingers = Synergy(ROBOT, OPEN_RAD, CLOSED_RAD)
    assert [fingers.closure(fingers.angles(c)) for c in (0.0, 0.3, 1.0)] == pytest.approx([0.0, 0.3, 1.0])
    thumb = [ROBOT.joint_names[i].startswith("right_thumb") for i in fingers.joints]
    assert fingers.closure(fingers.angles(0.5) + 0.7 * np.array(thumb)) == pytest.approx(0.5)


@pytest.mark.parametrize("begins", [0.0, 1.0])
def test_a_persons_closing_hand_closes_the_robots_through_retargeting(begins):
    fingers, hand, q_rad = Synergy(ROBOT, OPEN_RAD, CLOSED_RAD), HandRetargeter(ROBOT, "right"), ROBOT.home_rad.copy()
    q_rad[fingers.joints] = fingers.angles(begins)
    hand.anchor(q_rad[hand.joints])
    closures = []
    for closure in np.r_[np.linspace(begins, 1.0 - begins, 20), np.linspace(1.0 - begins, begins, 20)]:
        points_m = finger_points(closure)
        assert not hand_fault(HandFrame(points_m=points_m), "right", NOISELESS)
        q_rad[hand.joints] = hand.angles(points_m, q_rad[hand.joints], 0.025)
        closures.append(fingers.closure(q_rad[fingers.joints]))
    ends = closures[0], closures[20], closures[-1]
    for at, wanted in zip(ends, (begins, 1.0 - begins, begins), strict=True):
        assert at > CLOSED + 0.1 if wanted == 1.0 else at < OPENED - 0.1


def test_refuses_forms_and_tables_that_are_none():
    with pytest.raises(UsageError, match="form of a task is one of in_hand, full"):
        task_params("toaster", form="half")
    with pytest.raises(UsageError, match="start of a task is one of beginning, varied"):
        task_params("whiteboard", start="middle")
    for task in TASK_NAMES:
        with pytest.raises(UsageError, match="collide"):
            make_task(task, replace(task_params(task, form="full"), position_spread_m=0.08))
