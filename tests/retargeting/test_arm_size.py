"""A swing of a straight arm tells its length and its shoulder; another swing tells what was wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rove_teleop.retargeting.arm_size import fit_arm, implausible_arm


def swing(length_m, shoulder_m, heading_rad, from_rad=0.0, to_rad=np.pi / 2):
    down = np.linspace(from_rad, to_rad, 60)
    forward = np.array([np.cos(heading_rad), np.sin(heading_rad), 0.0])
    return shoulder_m + length_m * (np.cos(down)[:, None] * forward - np.sin(down)[:, None] * np.array([0.0, 0.0, 1.0]))


@settings(deadline=None)
@given(st.floats(0.4, 0.8), st.floats(-np.pi, np.pi), st.floats(-0.3, 0.3), st.floats(1.0, np.pi / 2))
def test_length_and_shoulder_come_back_whatever_way_the_person_faces(length_m, heading_rad, from_rad, sweep_rad):
    shoulder_m = np.array([1.0, -2.0, 1.4])
    arm = fit_arm(swing(length_m, shoulder_m, heading_rad, from_rad, from_rad + sweep_rad))
    assert arm.length_m == pytest.approx(length_m, abs=1e-6)
    assert np.allclose(arm.shoulder_m, shoulder_m, atol=1e-6)
    assert arm.residual_m < 1e-6
    assert implausible_arm(arm) is None


def test_noise_of_a_headset_costs_millimetres():
    random = np.random.default_rng(1)
    errors = []
    for _ in range(50):
        places_m = swing(0.58, np.zeros(3), 0.3) + 0.003 * random.standard_normal((60, 3))
        errors.append(fit_arm(places_m).length_m - 0.58)
    assert np.max(np.abs(errors)) < 0.015


def test_a_bent_arm_and_no_arm_are_refused_in_a_sentence():
    bent = swing(0.6, np.zeros(3), 0.0)
    bent[20:40] *= 0.7
    assert "not straight" in implausible_arm(fit_arm(bent))
    assert "outside" in implausible_arm(fit_arm(swing(1.8, np.zeros(3), 0.0)))
    assert implausible_arm(fit_arm(np.zeros((5, 3)))) is not None
