"""Other people's ways from targets to commands, from their published descriptions and parameters, one knob each.

Every filter is a function of (ticks, n) targets at the control rate, as the newest sample at each tick, and returns
what would be sent, (ticks, n). None but ruckig and ours knows limits.
"""

from __future__ import annotations

import numpy as np
import ruckig
from scipy import signal

from rove_teleop.command_filter.prefilters import OneEuro, prefilter_state, prefilter_tick
from rove_teleop.control.motion_path import OPERATOR, MotionPath
from rove_teleop.control.path_config import PathConfig
from rove_teleop.filter_lab.replay import robot_limits
from rove_teleop.robots.description import load_robot

ROBOT = load_robot("iron_r01")
LIMITS, N, DT = robot_limits(ROBOT), ROBOT.joint_count, ROBOT.dt_s


def ours(targets: np.ndarray, config: PathConfig) -> np.ndarray:
    """The live path with another configuration, driven by the operator."""
    path = MotionPath(LIMITS, ROBOT.groups, config)
    start = np.clip(targets[0], ROBOT.q_min_rad, ROBOT.q_max_rad)
    path.filter.start(start)
    path.begin(start)
    wanted, nothing = np.full(targets.shape, OPERATOR), np.full(targets.shape, np.nan)
    return path.run(wanted, nothing, targets, np.zeros(len(targets), dtype=np.bool_)).q_sent_rad


def with_ruckig(targets: np.ndarray, jerk_share: float, acceleration_share: float) -> np.ndarray:
    """ruckig 0.19 community, no synchronisation, position targets; shares of the robot's limits."""
    otg = ruckig.Ruckig(N, DT)
    given, out = ruckig.InputParameter(N), ruckig.OutputParameter(N)
    given.synchronization = ruckig.Synchronization.No
    given.max_velocity = LIMITS.v_max_rad_s.tolist()
    given.max_acceleration = (acceleration_share * LIMITS.a_max_rad_s2).tolist()
    given.max_jerk = (jerk_share * LIMITS.j_max_rad_s3).tolist()
    given.current_position = targets[0].tolist()
    sent = np.empty_like(targets)
    for k, target in enumerate(targets.tolist()):
        given.target_position = target
        otg.update(given, out)
        sent[k] = out.new_position
        out.pass_to_input(given)
    return sent


def one_euro(targets: np.ndarray, min_cutoff_hz: float, beta: float, d_cutoff_hz: float = 1.0) -> np.ndarray:
    """Casiez 2012, at the control rate."""
    s = prefilter_state(OneEuro(min_cutoff_hz, beta, d_cutoff_hz), N, DT)
    sent = np.empty_like(targets)
    for k in range(len(targets)):
        for i in range(N):
            sent[k, i] = prefilter_tick(s.parameters, s.weights, s.history, s.memory, i, targets[k, i])
    return sent


def butterworth(targets: np.ndarray, cutoff_hz: float, order: int) -> np.ndarray:
    """The usual causal low-pass (moveit_servo's default smoothing is of this kind)."""
    sections = signal.butter(order, cutoff_hz, fs=1.0 / DT, output="sos")
    state = signal.sosfilt_zi(sections)[:, :, None] * targets[0]
    sent: np.ndarray = signal.sosfilt(sections, targets, axis=0, zi=state)[0]
    return sent


def linear_ramp(targets: np.ndarray, duration_s: float) -> np.ndarray:
    """LeRobot: to each new target in a straight line of fixed duration (1/30 s between actions, 1 s at handover)."""
    sent = np.empty_like(targets)
    start, newest, since = targets[0].copy(), targets[0], np.inf
    for k, target in enumerate(targets):
        if not np.array_equal(target, newest):
            start, newest, since = (sent[k - 1] if k else targets[0]).copy(), target, 0.0
        since += DT
        sent[k] = start + min(since / duration_s, 1.0) * (newest - start)
    return sent


def velocity_cap_ramp(targets: np.ndarray, scale: float, smooth: bool) -> np.ndarray:
    """axol: One-Euro (0.8 Hz, 2.0, 1.0), EMA 0.3 at 120 Hz, then a trapezoidal limiter with braking law v^2 <= 2 a d.

    Velocity 2 pi rad/s and acceleration 7 pi rad/s^2 times ``scale``; the cap rises from a tenth by a smoothstep within
    the first second. ``smooth`` is whether the two filters come first.
    """
    if smooth:
        targets = one_euro(targets, 0.8, 2.0, 1.0)
        keep = (1.0 - 0.3) ** (120.0 * DT)
        targets = signal.lfilter([1.0 - keep], [1.0, -keep], targets, axis=0, zi=keep * targets[:1])[0]
    v_top, a_top = 2.0 * np.pi * scale, 7.0 * np.pi * scale
    q, v = targets[0].copy(), np.zeros(N)
    sent = np.empty_like(targets)
    for k, target in enumerate(targets):
        share = min(k * DT, 1.0)
        cap = v_top * (0.1 + 0.9 * share * share * (3.0 - 2.0 * share))
        gap = target - q
        # Exactly reached within a tick, else as fast as can still be stopped.
        goal = np.sign(gap) * np.minimum(np.minimum(np.sqrt(2.0 * a_top * np.abs(gap)), np.abs(gap) / DT), cap)
        v = v + np.clip(goal - v, -a_top * DT, a_top * DT)
        q = q + v * DT
        sent[k] = q
    return sent
