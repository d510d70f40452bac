"""What a policy sees and how it is scaled: one definition for training and for acting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Array


def observe(q_measured_rad: Array, q_commanded_rad: Array, features: Array) -> Array:
    """Observation (..., 2 m + k) of the active joints (..., m) and the chosen task features (..., k).

    The second block is commanded minus measured: how far a joint lags is what a position-controlled arm feels of a
    contact.
    """
    return np.concatenate([q_measured_rad, q_commanded_rad - q_measured_rad, features], axis=-1)


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Offsets and scales: observation (d,), chunk of joint deltas (h, m) in radians. Scales are positive."""

    observation_mean: Array
    observation_scale: Array
    delta_mean_rad: Array
    delta_scale_rad: Array

    @staticmethod
    def fit(observation: Array, delta_rad: Array, delta_floor_rad: float = 1e-3) -> Normalisation:
        """Mean and standard deviation over samples (s, d) and (s, h, m).

        A constant input is only shifted. The floor of the deltas is small on purpose: what a joint that hardly moves
        is scaled by is also the size of the error that sampling makes on it.
        """
        spread = observation.std(axis=0)
        return Normalisation(
            observation_mean=observation.mean(axis=0),
            observation_scale=np.where(spread > 1e-6, spread, 1.0),
            delta_mean_rad=delta_rad.mean(axis=0),
            delta_scale_rad=np.maximum(delta_rad.std(axis=0), delta_floor_rad),
        )

    def encode(self, observation: Array) -> Array:
        """Normalised observation, clipped to ±6 deviations so that a novel input cannot drive the network far off."""
        return np.clip((observation - self.observation_mean) / self.observation_scale, -6.0, 6.0)

    def encode_delta(self, delta_rad: Array) -> Array:
        """Normalised chunk of the same shape."""
        result: Array = (delta_rad - self.delta_mean_rad) / self.delta_scale_rad
        return result

    def decode_delta(self, chunk: Array) -> Array:
        """Joint deltas in radians of a normalised chunk."""
        result: Array = chunk * self.delta_scale_rad + self.delta_mean_rad
        return result
