"""Prefilters: constant in, constant out; outliers gone; no input poisons them; and behind them every limit holds."""

import numpy as np
import pytest

from rove_teleop.command_filter.limits import Limits
from rove_teleop.command_filter.prefilters import Gaussian, Hampel, OneEuro, prefilter_state, prefilter_tick
from rove_teleop.command_filter.smoothing import low_pass, low_pass_matrix
from rove_teleop.control.motion_path import NOBODY, OPERATOR, MotionPath
from rove_teleop.control.path_config import Blend, PathConfig
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
N, DT = ROBOT.joint_count, ROBOT.dt_s
LIMITS = Limits(ROBOT.q_min_rad, ROBOT.q_max_rad, ROBOT.v_max_rad_s, ROBOT.a_max_rad_s2, ROBOT.j_max_rad_s3, DT)
CHOICES = [OneEuro(), OneEuro(0.1, 50.0, 5.0), Gaussian(0.12), Gaussian(0.0), Hampel(), Hampel(3, 0.5, 0.0)]


def filtered(prefilter, targets):
    s = prefilter_state(prefilter, 1, DT)
    return np.array([prefilter_tick(s.parameters, s.weights, s.history, s.memory, 0, float(x)) for x in targets])


@pytest.mark.parametrize("prefilter", [None, *CHOICES], ids=str)
def test_a_constant_passes_and_nothing_leaves_the_range_of_what_came(prefilter):
    assert np.allclose(filtered(prefilter, np.full(200, 0.7)), 0.7, atol=1e-15)
    wild = np.random.default_rng(1).uniform(-2, 2, 500)
    out = filtered(prefilter, wild)
    assert np.all((out >= wild.min() - 1e-12) & (out <= wild.max() + 1e-12))


def test_none_changes_no_bit():
    wild = np.random.default_rng(2).normal(size=300)
    assert np.array_equal(filtered(None, wild), wild)


def test_gaussian_lags_by_half_its_window_whatever_moves():
    ramp = 0.3 * DT * np.arange(300)
    out = filtered(Gaussian(0.12), ramp)
    assert np.allclose((ramp - out)[100:] / 0.3, 0.06, atol=1e-9)


def test_one_euro_smooths_at_rest_and_follows_when_fast():
    noise = np.random.default_rng(3).normal(0, 0.003, 2000)
    assert np.std(filtered(OneEuro(1.0, 0.0), noise)[500:]) < 0.25 * np.std(noise)
    ramp = 2.0 * DT * np.arange(1000)
    slow, quick = (float((ramp - filtered(OneEuro(1.0, beta), ramp))[-1]) for beta in (0.0, 5.0))
    assert quick < 0.2 * slow


def test_hampel_removes_outliers_and_changes_nothing_else():
    time_s = DT * np.arange(1000)
    clean = 0.4 * np.cos(2.0 * time_s)
    spiky = clean.copy()
    spiky[50::97] += 1.5
    out = filtered(Hampel(), spiky)
    assert np.max(np.abs(out - clean)) < 0.03
    assert np.count_nonzero(out != clean) <= np.count_nonzero(spiky != clean)
    assert np.array_equal(filtered(Hampel(), clean), clean)


@pytest.mark.parametrize("prefilter", CHOICES, ids=str)
@pytest.mark.parametrize("blend", [Blend(), Blend("linear", fixed_s=0.05), Blend("min_jerk", fixed_s=0.3)], ids=str)
def test_hostile_streams_keep_every_limit_and_are_forgotten(prefilter, blend):
    config = PathConfig(smoothing_rad_s=90.0, smoothing_damping=0.5, prefilter=prefilter, blend=blend, jerk_share=0.5)
    path = MotionPath(LIMITS, ROBOT.groups, config)
    path.filter.start(ROBOT.home_rad)
    path.begin(ROBOT.home_rad)
    rng = np.random.default_rng(4)
    ticks = 1500
    streams = rng.uniform(-4, 4, (2, ticks, N))
    streams[rng.random(streams.shape) < 0.1] = np.nan
    streams[rng.random(streams.shape) < 0.02] = rng.choice([np.inf, -np.inf, 1e308, -1e308])
    wanted = np.repeat(rng.integers(0, 3, (ticks // 50, N)), 50, axis=0)
    sent = path.run(wanted, *streams, rng.random(ticks) < 0.01).q_sent_rad
    log = np.vstack([np.tile(ROBOT.home_rad, (3, 1)), sent])
    assert np.all((sent >= ROBOT.q_min_rad) & (sent <= ROBOT.q_max_rad))
    for n, limit in ((1, ROBOT.v_max_rad_s), (2, ROBOT.a_max_rad_s2), (3, 0.5 * ROBOT.j_max_rad_s3)):
        rounding = 8 * np.finfo(float).eps * 4 / DT**n / limit.min()
        assert np.max(np.abs(np.diff(log, n=n, axis=0)) / DT**n / limit) <= 1 + 1e-9 + rounding
    nothing, nobody = np.full((300, N), np.nan), np.zeros((300, N), np.int64)
    path.run(nobody, nothing, nothing, np.zeros(300, bool))
    still = np.clip(ROBOT.home_rad + 0.05, ROBOT.q_min_rad, ROBOT.q_max_rad)
    calm = np.full((1800, N), OPERATOR), np.full((1800, N), np.nan), np.tile(still, (1800, 1)), np.zeros(1800, bool)
    calm[0][:300] = NOBODY
    assert np.allclose(path.run(*calm).q_sent_rad[-1], still, atol=2e-3), "what was wild has left no trace"


@pytest.mark.parametrize("damping", [0.5, 0.7, 1.0])
def test_the_low_pass_follows_a_ramp_with_the_lag_it_promises(damping):
    w, x, v, a = 60.0, 0.0, 0.0, 0.0
    matrix = low_pass_matrix(DT, w, damping)
    for k in range(500):
        x, v, a = low_pass(matrix, x, v, a, 0.4 * k * DT)
    # A target held over each tick is half a tick late itself; x is the state at the tick's end.
    assert (499.5 * DT - x / 0.4) == pytest.approx((1 + 2 * damping) / w, abs=1e-6)
    assert v == pytest.approx(0.4, abs=2e-3)
