"""The plain step is the bounded minimum wherever it says so, and says so where no bound is met or left."""

import numpy as np

from rove_teleop.retargeting.box_qp import solve_box
from rove_teleop.retargeting.damped_step import damp, lock_bounds, plain_step

M = 8


def problem(rng):
    """A Hessian, a gradient, and a box around 0 of which some sides are at 0."""
    root = rng.normal(size=(M, M))
    low, high = -rng.choice([0.0, 3.0, 9.0], M), rng.choice([0.0, 3.0, 9.0], M)
    return root @ root.T + np.eye(M), rng.normal(size=M), low, high


def test_a_plain_step_is_the_minimum_over_the_box():
    rng, agreed = np.random.default_rng(0), 0
    for _ in range(500):
        H, g, low, high = problem(rng)
        A, L, step, locked = np.zeros((M, M)), np.zeros((M, M)), np.zeros(M), np.zeros(M, dtype=np.bool_)
        lock_bounds(g, low, high, locked)
        assert damp(H, np.zeros((M, M)), 1.0, 1e-3, locked, A, L)
        if plain_step(A, L, g, low, high, locked, step):
            best, stopped = np.zeros(M), np.zeros(M, dtype=np.bool_)
            solve_box(A, -g, low, high, best, stopped)
            np.testing.assert_allclose(step, best, atol=1e-9)
            agreed += 1
    assert 25 < agreed < 500  # both ways out are taken


def test_an_indefinite_matrix_is_found_out():
    A, L, locked = np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2, dtype=np.bool_)
    H, S = np.diag([1.0, 1.0]), np.array([[0.0, 0.0], [2.0, 0.0]])
    assert not damp(H, S, 1.0, 1e-3, locked, A, L)
    assert damp(H, S, 0.0, 1e-3, locked, A, L)
    assert damp(H, S, 1.0, 1e-3, np.array([True, False]), A, L)  # not in the direction that is free
