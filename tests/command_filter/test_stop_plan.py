"""The closed forms of the stop plan against plain simulation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.command_filter.kernel import longest_stop, plan_stop, position_range, stop_acceleration


def ticks(plan) -> int:
    release, _, up, hold, down = plan
    return int(release + up + hold + down)


@given(
    v=st.floats(-1, 1),
    a=st.floats(-1, 1),
    v_max=st.floats(0.2, 8),
    a_max=st.floats(0.5, 80),
    j_max=st.floats(5, 3000),
    dt=st.sampled_from([0.001, 0.002, 0.004, 0.01]),
)
def test_plan_matches_simulation_and_keeps_its_bounds(v, a, v_max, a_max, j_max, dt):
    v0, a0 = v * v_max, a * a_max
    plan = plan_stop(v0, a0, a_max, j_max, dt)
    q, speed, last, visited = 0.0, v0, a0, [0.0]
    for k in range(1, ticks(plan) + 1):
        now = stop_acceleration(float(k), a0, *plan)
        assert abs(now - last) <= j_max * dt * (1 + 1e-6)
        assert abs(now) <= max(a_max, abs(a0)) * (1 + 1e-9)
        speed += dt * now
        q += dt * speed
        last = now
        visited.append(q)
    assert abs(speed) <= 1e-9 * max(1.0, v_max)
    assert abs(last) <= 1e-9 * a_max + 1e-12 or abs(last) <= j_max * dt
    low, high = position_range(0.0, v0, a0, *plan, dt)
    scale = 1e-9 * (1 + max(map(abs, visited)))
    assert abs(low - min(visited)) <= scale
    assert abs(high - max(visited)) <= scale


@given(
    v=st.floats(-1, 1),
    v_max=st.floats(0.2, 8),
    a_max=st.floats(0.5, 80),
    j_max=st.floats(5, 3000),
    dt=st.sampled_from([0.001, 0.004, 0.01]),
)
def test_every_constant_velocity_can_be_stopped_in_the_promised_time(v, v_max, a_max, j_max, dt):
    assert ticks(plan_stop(v * v_max, 0.0, a_max, j_max, dt)) <= longest_stop(v_max, a_max, j_max, dt)


def test_rest_needs_no_ticks():
    plan = plan_stop(0.0, 0.0, 5.0, 50.0, 0.004)
    assert ticks(plan) == 0
    assert stop_acceleration(1.0, 0.0, *plan) == 0.0


@given(v=st.floats(0.01, 1), a=st.floats(0, 1), v_max=st.floats(0.2, 8), a_max=st.floats(0.5, 80), j=st.floats(5, 3000))
def test_a_braking_joint_goes_on_braking(v, a, v_max, a_max, j):
    """Never more than two ticks longer than the time-optimal stop in continuous time."""
    v0, b, dt = v * v_max, a * a_max, 0.004
    if v0 <= b * b / (2 * j):
        return
    peak = min(np.sqrt(j * v0 + b * b / 2), a_max)
    plateau = max(v0 - (2 * peak**2 - b * b) / (2 * j), 0.0) / a_max
    optimal_s = (2 * peak - b) / j + plateau
    assert ticks(plan_stop(v0, -b, a_max, j, dt)) <= optimal_s / dt + 4
