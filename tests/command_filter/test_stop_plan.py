"""The closed forms of the stop plan against plain simulation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rove_teleop.command_filter.limits import Limits
from rove_teleop.command_filter.stop_plan import plan_stop, position_range


def one_joint(v: float, a: float, j: float, dt: float) -> Limits:
    return Limits(*(np.array([x]) for x in (-10.0, 10.0, v, a, j)), dt_s=dt)


@given(
    v=st.floats(-1, 1),
    a=st.floats(-1, 1),
    v_max=st.floats(0.2, 8),
    a_max=st.floats(0.5, 80),
    j_max=st.floats(5, 3000),
    dt=st.sampled_from([0.001, 0.002, 0.004, 0.01]),
)
def test_plan_matches_simulation_and_keeps_its_bounds(v, a, v_max, a_max, j_max, dt):
    limits = one_joint(v_max, a_max, j_max, dt)
    v0, a0 = np.array([v * v_max]), np.array([a * a_max])
    plan = plan_stop(v0, a0, limits)
    q, speed, last, visited = 0.0, v0[0], a0[0], [0.0]
    for k in range(1, int(plan.ticks[0]) + 1):
        now = plan.acceleration(np.array([float(k)]))[0]
        assert abs(now - last) <= j_max * dt * (1 + 1e-6)
        assert abs(now) <= max(a_max, abs(a0[0])) * (1 + 1e-9)
        speed += dt * now
        q += dt * speed
        last = now
        visited.append(q)
    assert abs(speed) <= 1e-9 * max(1.0, v_max)
    assert abs(last) <= 1e-9 * a_max + 1e-12 or abs(last) <= j_max * dt
    low, high = position_range(np.array([0.0]), v0, plan, dt)
    scale = 1e-9 * (1 + max(map(abs, visited)))
    assert abs(low[0] - min(visited)) <= scale
    assert abs(high[0] - max(visited)) <= scale


def test_rest_needs_no_ticks():
    plan = plan_stop(np.zeros(1), np.zeros(1), one_joint(1, 5, 50, 0.004))
    assert plan.ticks[0] == 0
    assert plan.acceleration(np.ones(1))[0] == 0.0
