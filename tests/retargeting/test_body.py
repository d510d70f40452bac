"""The body reaches what can be reached to a millimetre, stays inside limits always, and is still at a still goal."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.geometry import exp_so3, transform
from rove_teleop.retargeting.body import BodyIK
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.kinematics import Kinematics

DT = 1.0 / 72.0
ROBOT = load_robot("iron_r01")
FREE = dataclasses.replace(ROBOT, self_collision=None)
KINEMATICS = Kinematics(ROBOT)
RIGHT, LEFT, WAIST, NECK = (ROBOT.groups[name] for name in ("right_arm", "left_arm", "waist", "neck"))
SITE = "right_wrist"
WHOLE = ("waist", "neck", "left_arm", "right_arm")


def pose_at(q_rad, site=SITE):
    KINEMATICS.update(q_rad)
    return KINEMATICS.frame(site)


def home(site=SITE):
    return pose_at(ROBOT.home_rad, site)


def moved(T, shift_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0)):
    return transform(exp_so3(np.array(turn_rad, dtype=float)) @ T[:3, :3], T[:3, 3] + np.array(shift_m))


def near_home(offsets):
    q_rad = ROBOT.home_rad.copy()
    q_rad[RIGHT] = np.clip(q_rad[RIGHT] + offsets, ROBOT.q_min_rad[RIGHT] + 0.05, ROBOT.q_max_rad[RIGHT] - 0.05)
    return q_rad


def follow(ik, goals, seconds, q_rad=None, dt_s=DT, **options):
    """Solutions of every tick; ``goals`` is a function of time."""
    q_rad, solutions = ROBOT.home_rad if q_rad is None else q_rad, []
    for k in range(round(seconds / dt_s)):
        solutions.append(ik.solve(goals(k * dt_s), q_rad, dt_s, **options))
        q_rad = solutions[-1].q_rad
    return solutions


offsets = st.lists(st.floats(-0.5, 0.5), min_size=7, max_size=7).map(np.array)
vectors = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array)


@settings(max_examples=15, deadline=None)
@given(offsets)
def test_it_converges_from_home_to_reachable_poses_within_a_millimetre(offset):
    goal = pose_at(near_home(offset))
    last = follow(BodyIK(FREE), lambda _: {SITE: goal}, 3.0)[-1]
    assert last.residual_m < 1e-3 and last.residual_rad < 5e-3


@settings(max_examples=50, deadline=None)
@given(offsets, vectors, vectors, vectors, vectors, st.floats(1e-4, 0.1))
def test_limits_hold_for_any_goal(offset, position, rotation, head, elbow, dt_s):
    ik, q_rad = BodyIK(ROBOT, WHOLE), near_home(offset)
    goals = {SITE: transform(exp_so3(rotation), position), "head": transform(exp_so3(head), position)}
    for _ in range(5):
        new = ik.solve(goals, q_rad, dt_s, {"right": elbow}).q_rad
        assert np.all(new >= ROBOT.q_min_rad) and np.all(new <= ROBOT.q_max_rad)
        assert np.all(np.abs(new - q_rad) <= ROBOT.v_max_rad_s * dt_s * (1 + 1e-9) + 1e-15)
        q_rad = new


def test_only_the_joints_of_the_goal_move():
    moved_joints = BodyIK(ROBOT).solve({SITE: moved(home(), (0.03, 0.0, 0.02))}, ROBOT.home_rad, DT).q_rad
    changed = moved_joints != ROBOT.home_rad
    assert changed[RIGHT].any() and not np.delete(changed, RIGHT).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_robot_that_is_where_it_should_be_does_not_move_at_all(seed):
    q_rad = np.random.default_rng(seed).uniform(ROBOT.q_min_rad, ROBOT.q_max_rad)
    ik = BodyIK(ROBOT, WHOLE)
    ik.posture_rad = q_rad
    goals = {site: pose_at(q_rad, site) for site in ("head", "left_wrist", SITE)}
    elbows = {side: pose_at(q_rad, f"{side}_elbow")[:3, 3] for side in ("left", "right")}
    for _ in range(5):
        assert np.array_equal(ik.solve(goals, q_rad, DT, elbows).q_rad, q_rad)


def test_a_goal_that_stops_comes_to_exactly_still_joints():
    solutions = follow(BodyIK(ROBOT), lambda _: {SITE: moved(home(), (0.1, 0.05, 0.1))}, 15.0)
    assert np.array_equal(solutions[-1].q_rad, solutions[-100].q_rad)


def test_a_goal_out_of_reach_comes_to_all_but_still_joints():
    solutions = follow(BodyIK(ROBOT), lambda _: {SITE: moved(home(), (1.0, 0.0, 0.2))}, 10.0)
    assert solutions[-1].residual_m > 0.3
    assert np.abs(solutions[-1].q_rad - solutions[-72].q_rad).max() < 1e-3  # in the last second


@pytest.mark.parametrize("speed_m_s", [0.1, 0.3])
def test_it_tracks_a_moving_hand_within_two_millimetres(speed_m_s):
    q_rad = near_home(np.array([-0.3, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0]))
    start = pose_at(q_rad)

    def goals(t_s):
        phase = speed_m_s / 0.1 * t_s  # a circle of 10 cm radius
        shift_m = 0.1 * np.array([np.sin(phase), 0.3 * np.sin(phase), 1.0 - np.cos(phase)])
        return {SITE: moved(start, shift_m, (0.0, 0.0, 0.2 * np.sin(phase)))}

    errors = [solution.residual_m for solution in follow(BodyIK(ROBOT), goals, 5.0, q_rad)]
    assert max(errors) < 2e-3 and np.median(errors) < 1e-4


def test_mirrored_goals_give_mirrored_arms():
    mirror = np.array([1.0, -1.0, 1.0])
    left, right = {}, {}
    for k in range(60):
        shift_m, turn_rad = np.array([0.002, 0.001, 0.003]) * k, np.array([0.004, 0.006, -0.005]) * k
        right[SITE] = moved(home(), shift_m, turn_rad)
        left["left_wrist"] = moved(home("left_wrist"), shift_m * mirror, -turn_rad * mirror)
        both = BodyIK(ROBOT).solve(right | left, ROBOT.home_rad, 1.0)
        turned_rad = both.q_rad - ROBOT.home_rad
        np.testing.assert_allclose(turned_rad[LEFT], turned_rad[RIGHT] * mirrored_signs(), atol=1e-9)


def mirrored_signs():
    """1 for joints of the arms that turn alike when the arms are mirrored, -1 for the others, by the model's axes."""
    KINEMATICS.update(ROBOT.home_rad)
    right, left = KINEMATICS.jacobian(SITE)[3:, RIGHT], KINEMATICS.jacobian("left_wrist")[3:, LEFT]
    return np.sign(np.sum(np.array([[-1.0], [1.0], [-1.0]]) * right * left, axis=0))


def test_a_goal_that_is_not_finite_holds_and_the_other_arm_goes_on():
    left = moved(home("left_wrist"), (0.02, 0.0, 0.0))
    solution = BodyIK(ROBOT).solve({SITE: np.full((4, 4), np.nan), "left_wrist": left}, ROBOT.home_rad, DT)
    assert np.array_equal(solution.q_rad[RIGHT], ROBOT.home_rad[RIGHT])
    assert np.any(solution.q_rad[LEFT] != ROBOT.home_rad[LEFT])
    nothing = BodyIK(ROBOT).solve({SITE: np.full((4, 4), np.inf)}, ROBOT.home_rad, DT, {"right": np.full(3, np.nan)})
    assert np.array_equal(nothing.q_rad, ROBOT.home_rad) and nothing.residual_m == 0.0


def test_a_start_outside_the_limits_comes_back_inside():
    q_rad = ROBOT.home_rad.copy()
    q_rad[RIGHT[3]] = 0.2  # the elbow beyond straight
    assert np.all(BodyIK(ROBOT).solve({SITE: home()}, q_rad, DT).q_rad <= ROBOT.q_max_rad)


def test_numbers_that_are_not_finite_are_refused():
    for q_rad, dt_s in ((ROBOT.home_rad * np.nan, DT), (ROBOT.home_rad, np.nan), (ROBOT.home_rad, 0.0)):
        with pytest.raises(ValueError, match="finite"):
            BodyIK(ROBOT).solve({SITE: np.eye(4)}, q_rad, dt_s)


def acceleration_rms(solutions, joints, dt_s):
    path = np.array([solution.q_rad[joints] for solution in solutions])
    return float(np.sqrt(np.mean((np.diff(path, 2, axis=0) / dt_s**2) ** 2)))


def reaching_too_far(t_s):
    reached = min(t_s / 2.0, 1.0)
    forward_m = 0.85 * reached * reached * (3.0 - 2.0 * reached)
    sway_m = (0.1 * np.sin(1.5 * t_s) * reached, 0.05 * np.sin(t_s) * reached)
    return {SITE: moved(home(), (forward_m, *sway_m)), "left_wrist": home("left_wrist"), "head": home("head")}


def test_a_stretched_body_stays_calm_where_an_undamped_one_chatters():
    dt_s, body = 0.005, np.concatenate([WAIST, NECK, LEFT, RIGHT])
    calm = follow(BodyIK(ROBOT, WHOLE), reaching_too_far, 6.0, dt_s=dt_s)
    bold = follow(BodyIK(ROBOT, WHOLE, reluctant=(), resistance_per_m=0.0), reaching_too_far, 6.0, dt_s=dt_s)
    assert calm[-1].residual_m > 0.1 and calm[-1].residual_rad < bold[-1].residual_rad + np.radians(1.0)
    assert acceleration_rms(calm, body, dt_s) < acceleration_rms(bold, body, dt_s) / 50.0


def test_the_waist_is_left_alone_unless_asked_and_then_helps_only_where_an_arm_is_too_short():
    near, far = moved(home(), (0.2, 0.1, 0.2)), moved(home(), (0.6, 0.0, 0.0))
    residual_m = {}
    for groups in (("right_arm",), ("waist", "right_arm")):
        ik = BodyIK(ROBOT, groups)
        at_near = follow(ik, lambda _: {SITE: near}, 4.0)[-1]
        assert at_near.residual_m < 1e-3
        assert np.abs(at_near.q_rad[WAIST]).max() < 0.01
        residual_m[groups[0]] = follow(ik, lambda _: {SITE: far}, 5.0)[-1].residual_m
    assert residual_m["waist"] < 0.2 * residual_m["right_arm"]


def test_the_neck_follows_the_head_and_nothing_else_does():
    look = moved(home("head"), turn_rad=(0.0, 0.2, 0.3))
    last = follow(BodyIK(ROBOT, WHOLE), lambda _: {"head": look}, 1.0)[-1]
    assert last.residual_rad < 0.02
    changed = last.q_rad != ROBOT.home_rad
    assert changed[NECK].any() and not np.delete(changed, NECK).any()


def test_the_head_looks_where_it_should_while_the_waist_helps_an_arm():
    goals = {SITE: moved(home(), (0.6, 0.0, 0.0)), "head": home("head")}
    last = follow(BodyIK(ROBOT, WHOLE), lambda _: goals, 5.0)[-1]
    assert np.abs(last.q_rad[WAIST]).max() > 0.1
    turned = pose_at(last.q_rad, "head")[:3, :3] @ goals["head"][:3, :3].T
    assert np.trace(turned) > 1.0 + 2.0 * np.cos(np.radians(0.5))


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_elbow_comes_to_its_hint_and_the_wrist_hardly_notices(side):
    wrist, outwards = f"{side}_wrist", 1.0 if side == "left" else -1.0
    goal = moved(home(wrist), (0.1, 0.0, 0.1))
    plain = follow(BodyIK(ROBOT), lambda _: {wrist: goal}, 3.0)[-1]
    elbow_m = pose_at(plain.q_rad, f"{side}_elbow")[:3, 3]
    hint_m = elbow_m + np.array([0.0, 0.15 * outwards, 0.1])
    hinted = follow(BodyIK(ROBOT), lambda _: {wrist: goal}, 3.0, elbows={side: hint_m})[-1]
    before_m = np.linalg.norm(hint_m - elbow_m)
    after_m = np.linalg.norm(hint_m - pose_at(hinted.q_rad, f"{side}_elbow")[:3, 3])
    assert after_m < 0.7 * before_m
    assert hinted.residual_m < 1e-3 and hinted.residual_rad < 0.01


@settings(max_examples=20, deadline=None)
@given(offsets, vectors)
def test_any_elbow_hint_costs_less_than_a_millimetre_at_a_wrist_that_is_free(offset, hint_m):
    goal = pose_at(near_home(0.5 * offset))
    last = follow(BodyIK(FREE), lambda _: {SITE: goal}, 4.0, elbows={"right": hint_m})[-1]
    assert last.residual_m < 1e-3 or last.clamped[RIGHT].any()


def test_a_hint_for_a_hand_that_is_not_tracked_moves_nothing():
    solution = BodyIK(ROBOT).solve({}, ROBOT.home_rad, DT, {"right": np.array([0.0, -1.0, 0.5])})
    assert np.array_equal(solution.q_rad, ROBOT.home_rad)


def test_a_site_that_is_no_part_of_the_operator_is_refused():
    with pytest.raises(KeyError):
        BodyIK(ROBOT).solve({"left_index_tip": np.eye(4)}, ROBOT.home_rad, DT)


def worst_gap_m(ik, goals, seconds):
    return min(solution.clearance_m for solution in follow(ik, goals, seconds))


def test_hands_are_kept_off_the_body_and_off_each_other():
    margin_m = ROBOT.self_collision.margin_m
    into_chest = {SITE: moved(home(), (-0.35, 0.2, 0.1)), "left_wrist": moved(home("left_wrist"), (-0.35, -0.2, 0.1))}
    together = {SITE: moved(home(), (0.0, 0.25, 0.0)), "left_wrist": moved(home("left_wrist"), (0.0, -0.25, 0.0))}
    for goals in (into_chest, together):
        assert worst_gap_m(BodyIK(ROBOT), lambda _, g=goals: g, 3.0) > 0.3 * margin_m  # while they rush
        assert follow(BodyIK(ROBOT), lambda _, g=goals: g, 3.0)[-1].clearance_m > 0.9 * margin_m
        last = follow(BodyIK(FREE), lambda _, g=goals: g, 3.0)[-1]
        assert last.clearance_m == np.inf
        assert BodyIK(ROBOT).solve({}, last.q_rad, DT).clearance_m < 0.0  # they would have met


def test_limbs_that_are_close_at_the_start_are_not_pushed_apart():
    q_rad = near_home(np.array([0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0]))
    q_rad[RIGHT[1]] = ROBOT.q_max_rad[RIGHT[1]]
    ik = BodyIK(ROBOT)
    ik.posture_rad = q_rad
    start = ik.solve({SITE: pose_at(q_rad)}, q_rad, DT)
    assert start.clearance_m < ROBOT.self_collision.margin_m
    assert np.array_equal(start.q_rad, q_rad)


def test_a_robot_without_a_list_of_pairs_watches_none():
    assert BodyIK(FREE).solve({SITE: home()}, ROBOT.home_rad, DT).clearance_m == np.inf
