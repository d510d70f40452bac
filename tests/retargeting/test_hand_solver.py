"""The compiled search against scipy on the same objective, at limits, with hostile targets, and standing still."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from rove_teleop.retargeting.chain import forward
from rove_teleop.retargeting.hand_solver import HandSolver
from rove_teleop.retargeting.vector_tasks import add_tasks, place_points, tasks_cost
from rove_teleop.robots.description import load_robot
from rove_teleop.robots.tree import read_tree

HUBER_M = 0.02


def split(target):
    """Vectors (tasks, 3) and weights (tasks,)."""
    return target[:, :3].copy(), target[:, 3].copy()


class Hand:
    """One hand's tree, with some vectors from the wrist, some between fingers, and the thumb's distances."""

    def __init__(self, name):
        robot = load_robot(name)
        mapping = robot.operator.hands["right"]
        self.tree = read_tree(robot, tuple(mapping.points.values()), mapping.wrist)
        row = {point: k for k, point in enumerate(mapping.points)}
        tips = [row[f"{finger}_tip"] for finger in mapping.fingers]
        self.vectors = [(-1, k) for k in range(len(row))] + [(tips[1], tips[2])]
        self.distances = [(tips[0], tip) for tip in tips[1:]]
        self.low, self.high = robot.q_min_rad[self.tree.joints], robot.q_max_rad[self.tree.joints]
        self.tasks = len(self.vectors) + len(self.distances)

    def solver(self, **options):
        return HandSolver(self.tree, self.vectors, self.distances, self.low, self.high, HUBER_M, **options)

    def points(self, q_rad):
        m = len(q_rad)
        rotation, origin, points = np.empty((m, 3, 3)), np.empty((m, 3)), np.empty((len(self.tree.sites), 3))
        forward(self.tree.parent, self.tree.T_parent_link, self.tree.axis, q_rad, rotation, origin)
        place_points(self.tree.site_link, self.tree.T_link_site[:, :3, 3].copy(), rotation, origin, points)
        return rotation, origin, points

    def errors(self, q_rad, target):
        """Error vectors (tasks, 3) with numpy alone; a distance has one component."""
        points = np.vstack([self.points(q_rad)[2], np.zeros(3)])
        result = np.array([points[end] - points[start] for start, end in self.vectors + self.distances])
        count = len(self.vectors)
        result[:count] -= target[:count, :3]
        result[count:, 0] = np.linalg.norm(result[count:], axis=1) - target[count:, 0]
        result[count:, 1:] = 0.0
        return result

    def residuals(self, q_rad, target, rest, q_rest, hold, q_start):
        """Their squares sum to twice the cost."""
        errors = self.errors(q_rad, target)
        size = np.linalg.norm(errors, axis=1)
        loss = np.where(size < HUBER_M, size**2 / (2 * HUBER_M), size - HUBER_M / 2)
        scaled = errors * np.sqrt(2 * target[:, 3] * loss)[:, None] / np.maximum(size, 1e-15)[:, None]
        pulls = [np.sqrt(2 * rest) * (q_rad - q_rest), np.sqrt(2 * hold) * (q_rad - q_start)]
        return np.concatenate([scaled.reshape(-1), *pulls])

    def target(self, rng, away_m):
        """Targets that some pose has, moved away by so much, with weights from weak to dominating."""
        q_rad = rng.uniform(self.low, self.high)
        errors = self.errors(q_rad, np.zeros((self.tasks, 4)))
        moved = errors + rng.normal(size=errors.shape) * away_m / np.sqrt(3)
        moved[:, 0] = np.where(np.arange(self.tasks) < len(self.vectors), moved[:, 0], np.abs(moved[:, 0]))
        return np.column_stack([moved, rng.choice([0.0, 0.3, 1.0, 10.0], self.tasks)])


HANDS = {name: Hand(name) for name in ("iron_r01", "allegro_right")}
hands = pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)


@hands
@pytest.mark.parametrize("away_m", [0.0, 0.005, 0.03])
def test_reaches_what_scipy_reaches_on_the_same_objective(hand, away_m):
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(15):
        target = hand.target(rng, away_m)
        start, q_rest = rng.uniform(hand.low, hand.high), rng.uniform(hand.low, hand.high)
        rest, hold = 1e-4, 1e-3
        ours = start.copy()
        hand.solver(rest=rest, q_rest_rad=q_rest).solve(ours, *split(target), hold, iterations=300)
        theirs = least_squares(
            hand.residuals, ours, bounds=(hand.low - 1e-9, hand.high + 1e-9), xtol=1e-10, ftol=1e-12, gtol=1e-12,
            max_nfev=300, args=(target, rest, q_rest, hold, start),
        )  # fmt: skip
        cost = 0.5 * np.sum(hand.residuals(ours, target, rest, q_rest, hold, start) ** 2)
        assert theirs.cost <= cost + 1e-12  # it starts where we ended, so it shows what is left to gain
        ratios.append(cost / theirs.cost)
    assert max(ratios) < 1.001, ratios


@hands
def test_gradient_and_hessian_are_the_derivatives_of_the_cost(hand):
    rng = np.random.default_rng(2)
    tasks = np.array([(*pair, 0) for pair in hand.vectors] + [(*pair, 1) for pair in hand.distances])
    m, nudge = len(hand.low), 1e-5

    def derivatives(q_rad, target):
        H, S, g, errors = np.zeros((m, m)), np.zeros((m, m)), np.zeros(m), np.zeros(hand.tasks)
        rotation, origin, points = hand.points(q_rad)
        cost = tasks_cost(points, tasks, *split(target), HUBER_M, errors)
        add_tasks(hand.tree.axis, hand.tree.moves, rotation, origin, points, tasks, *split(target), HUBER_M, H, S, g)
        assert np.linalg.eigvalsh(H, "L").min() > -1e-9
        return cost, g, H + S

    for round_ in range(10):
        target, q_rad = hand.target(rng, 0.02), rng.uniform(hand.low, hand.high)
        vectors_only = round_ % 2 == 0  # the Hessian of a distance leaves out what would make it indefinite
        target[len(hand.vectors) :, 3] *= not vectors_only
        _, g, hessian = derivatives(q_rad, target)
        for i in range(m):
            (up, g_up, _), (down, g_down, _) = (
                derivatives(q_rad + sign * nudge * (np.arange(m) == i), target) for sign in (1, -1)
            )
            assert g[i] == pytest.approx((up - down) / (2 * nudge), abs=1e-4 * max(1.0, np.abs(g).max()))
            if vectors_only:  # the lower triangle
                numeric = (g_up - g_down)[: i + 1] / (2 * nudge)
                np.testing.assert_allclose(hessian[i, : i + 1], numeric, atol=1e-4 * np.abs(hessian).max())


numbers = st.one_of(st.floats(-1.0, 1.0), st.sampled_from([np.nan, np.inf, -np.inf, 1e200, -1e200, 1e-300]))


@hands
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_is_asked_joints_stay_inside_and_steps_are_counted(hand, data):
    values = data.draw(st.lists(numbers, min_size=4 * hand.tasks, max_size=4 * hand.tasks))
    target = np.array(values).reshape(-1, 4)
    target[:, 3] = np.abs(target[:, 3])
    q_rad = np.array(data.draw(st.lists(numbers, min_size=len(hand.low), max_size=len(hand.low))))
    tried = hand.solver(rest=1e-5).solve(q_rad, *split(target), hold=1e-3, iterations=7)
    assert 0 <= tried <= 7
    assert np.all(q_rad >= hand.low) and np.all(q_rad <= hand.high)


@hands
def test_a_target_that_is_not_finite_moves_nothing(hand):
    solver, q_rad = hand.solver(), 0.5 * (hand.low + hand.high)
    for bad in (np.nan, np.inf, -np.inf):
        for column in range(4):
            target = hand.target(np.random.default_rng(3), 0.0)
            target[2] = [0.1, 0.0, 0.0, 1.0]
            target[2, column] = bad
            before = q_rad.copy()
            solver.solve(q_rad, *split(target))
            assert np.array_equal(q_rad, before)


@hands
def test_every_step_lowers_the_cost_and_a_solution_stays_to_the_last_bit(hand):
    rng = np.random.default_rng(4)
    solver, nothing = hand.solver(rest=1e-4), np.zeros(len(hand.low))
    middle = 0.5 * (hand.low + hand.high)
    for _ in range(10):
        target, start = hand.target(rng, 0.02), rng.uniform(hand.low, hand.high)
        costs = []
        for iterations in (0, 1, 2, 4, 8, 5000):
            q_rad = start.copy()
            solver.solve(q_rad, *split(target), iterations=iterations)
            costs.append(0.5 * np.sum(hand.residuals(q_rad, target, 1e-4, middle, 0.0, nothing) ** 2))
        assert np.all(np.diff(costs) <= 1e-12), costs
        solved = q_rad.copy()
        for _ in range(5):  # damping begins anew, so the first repetitions may still find a micrometre
            solver.solve(q_rad, *split(target))
        still = q_rad.copy()
        solver.solve(still, *split(target))
        assert np.array_equal(still, q_rad) and np.abs(still - solved).max() < 1e-3


@hands
def test_no_joint_goes_farther_than_it_may_in_one_call(hand):
    rng = np.random.default_rng(5)
    reach = rng.uniform(0.0, 0.05, len(hand.low))
    for _ in range(20):
        q_rad = rng.uniform(hand.low, hand.high)
        before = q_rad.copy()
        hand.solver().solve(q_rad, *split(hand.target(rng, 0.03)), reach_rad=reach)
        assert np.all(np.abs(q_rad - before) <= reach + 1e-15)


@hands
def test_targets_that_a_pose_has_are_met(hand):
    rng = np.random.default_rng(6)
    met = 0
    for _ in range(20):
        target = hand.target(rng, 0.0)
        target[:, 3] = 1.0
        q_rad = 0.5 * (hand.low + hand.high)
        solver = hand.solver()
        solver.solve(q_rad, *split(target), iterations=300)
        met += solver.residual_m.max() < 1e-4
    assert met >= 18  # from the middle of the limits, a finger may lie in another fold
