"""The bounded problem is solved exactly: the optimality conditions hold, whatever the problem."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from rove_teleop.retargeting import box_qp


def solve_box(H, g, low, high):
    x, stopped = np.empty(len(g)), np.empty(len(g), dtype=bool)
    box_qp.solve_box(H, g, low, high, x, stopped)
    return x, stopped


def problem(seed, size, damping, tightness):
    random = np.random.default_rng(seed)
    J = random.normal(size=(random.integers(1, 13), size))
    H = J.T @ J + damping * np.eye(size)
    low = -random.uniform(0.0, tightness, size) * (random.random(size) < 0.8)
    high = random.uniform(0.0, tightness, size) * (random.random(size) < 0.8)
    return H, J.T @ random.normal(size=len(J)), low, high


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([1e-5, 1e-3, 1.0]), st.sampled_from([0.01, 1.0]))
def test_the_solution_is_feasible_and_optimal(seed, size, damping, tightness):
    H, g, low, high = problem(seed, size, damping, tightness)
    x, stopped = solve_box(H, g, low, high)
    assert np.all(x >= low) and np.all(x <= high)
    gradient = H @ x - g
    scale = 1e-8 * max(1.0, float(np.abs(g).max()))
    inside = (x > low) & (x < high)
    assert np.all(np.abs(gradient[inside]) <= scale)
    assert np.all(gradient[(x == low) & (x < high)] >= -scale)
    assert np.all(gradient[(x == high) & (x > low)] <= scale)
    assert np.all(((x == low) | (x == high))[stopped])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([0.01, 1.0, 100.0]))
def test_a_tree_gives_what_its_dense_matrix_gives(seed, size, tightness):
    random = np.random.default_rng(seed)
    parent = np.array([random.integers(-1, i) if i else -1 for i in range(size)])
    depth, above, dense = np.zeros(size, dtype=int), np.zeros((size, size), dtype=int), np.diag(np.full(size, 1e-3))
    for i, up in enumerate(parent):
        if up >= 0:
            depth[i], above[i] = depth[up] + 1, above[up]
        above[i, depth[i]] = i
        path = above[i, : depth[i] + 1]
        J = random.normal(size=(3, len(path)))
        dense[np.ix_(path, path)] += J.T @ J
    H = np.full((size, size), np.nan)  # what is beyond a row's depth is never read
    for i in range(size):
        H[i, : depth[i] + 1] = dense[i, above[i, : depth[i] + 1]]
    g, low, high = random.normal(size=size), -random.uniform(0, tightness, size), random.uniform(0, tightness, size)
    x, stopped, room = (
        np.empty(size),
        np.empty(size, dtype=bool),
        (np.empty((size, size)), np.empty(size), np.empty(size)),
    )
    box_qp.solve_tree(size, depth, above, H, g, low, high, x, stopped, *room)
    np.testing.assert_allclose(x, solve_box(dense, g, low, high)[0], atol=1e-9)


def test_without_tight_bounds_it_is_the_linear_solution():
    H, g, _, _ = problem(1, 7, 1e-2, 1.0)
    x, stopped = solve_box(H, g, np.full(7, -1e3), np.full(7, 1e3))
    assert np.allclose(H @ x, g) and not stopped.any()


def test_clipping_the_free_solution_would_be_worse():
    worse = 0
    for seed in range(50):
        H, g, low, high = problem(seed, 7, 1e-4, 0.3)
        exact = solve_box(H, g, low, high)[0]
        clipped = np.clip(np.linalg.solve(H, g), low, high)
        cost = [x @ H @ x / 2 - g @ x for x in (exact, clipped)]
        assert cost[0] <= cost[1] + 1e-12
        worse += cost[1] > cost[0] + 1e-3
    assert worse > 10


def test_it_agrees_with_another_solver_on_problems_of_the_body():
    for seed in range(40):
        random = np.random.default_rng(seed)
        J = np.concatenate([random.normal(size=(15, 20)), 0.03 * np.eye(20)])
        e = np.concatenate([random.normal(size=15), np.zeros(20)])
        low, high = -random.uniform(0.01, 0.5, 20), random.uniform(0.01, 0.5, 20)
        other = lsq_linear(J, e, (low, high), method="bvls", tol=1e-14).x
        assert np.allclose(solve_box(J.T @ J, J.T @ e, low, high)[0], other, atol=1e-9)
