"""SE(3) without a library: quaternions are (w, x, y, z), rotations (3, 3), transforms (4, 4), angles in radians."""

from __future__ import annotations

import math

import numpy as np

from .types import Array

_EYE = np.eye(3)
_EYE.flags.writeable = False


def quat_to_matrix(quat_wxyz: Array) -> Array:
    """Rotation matrix of a quaternion (w, x, y, z); the quaternion is normalised first.

    Raises:
        ValueError: not finite, or a norm so far from 1 (outside 0.5 to 2) that it is no orientation.
    """
    quat = np.asarray(quat_wxyz, dtype=np.float64)
    norm = float(np.linalg.norm(quat))
    if not (0.5 <= norm <= 2.0):
        raise ValueError(f"quaternion of norm {norm} is not an orientation")
    w, x, y, z = quat / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def matrix_to_quat(rotation: Array) -> Array:
    """Quaternion (w, x, y, z) with w >= 0 of a rotation matrix (Shepperd's method: the largest term first)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    four = (1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz)
    largest = max(four)
    s = 2.0 * math.sqrt(largest)
    if four[0] == largest:
        quat = (s / 4, (zy - yz) / s, (xz - zx) / s, (yx - xy) / s)
    elif four[1] == largest:
        quat = ((zy - yz) / s, s / 4, (xy + yx) / s, (xz + zx) / s)
    elif four[2] == largest:
        quat = ((xz - zx) / s, (xy + yx) / s, s / 4, (yz + zy) / s)
    else:
        quat = ((yx - xy) / s, (xz + zx) / s, (yz + zy) / s, s / 4)
    result = np.array(quat)
    return result if quat[0] >= 0 else -result


def log_so3(rotation: Array) -> Array:
    """Rotation vector (3,), axis times angle in [0, pi], of a rotation matrix."""
    quat = matrix_to_quat(rotation)
    vector = quat[1:]
    sine = math.sqrt(vector @ vector)
    if sine < 1e-12:
        return 2.0 * vector
    result: Array = vector * (2.0 * np.arctan2(sine, quat[0]) / sine)
    return result


def exp_so3(rotation_vector: Array) -> Array:
    """Rotation matrix of a rotation vector (3,) (Rodrigues' formula)."""
    angle = math.sqrt(rotation_vector @ rotation_vector)
    if angle < 1e-12:
        return _EYE + skew(rotation_vector)
    k = skew(rotation_vector / angle)
    result: Array = _EYE + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
    return result


def skew(v: Array) -> Array:
    """The matrix whose product with u is v cross u."""
    x, y, z = v.tolist()
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def transform(rotation: Array, translation_m: Array) -> Array:
    """(4, 4) transform of a rotation and a translation."""
    result = np.zeros((4, 4))
    result[:3, :3] = rotation
    result[:3, 3] = translation_m
    result[3, 3] = 1.0
    return result


def inverse(T_a_b: Array) -> Array:
    """T_b_a."""
    rotation = T_a_b[:3, :3].T
    return transform(rotation, -rotation @ T_a_b[:3, 3])


def pose_error(T_base_now: Array, T_base_goal: Array) -> Array:
    """Twist (6,) in the base frame, linear metres then angular radians, that takes ``now`` to ``goal`` in one step."""
    rotation = log_so3(T_base_goal[:3, :3] @ T_base_now[:3, :3].T)
    return np.concatenate([T_base_goal[:3, 3] - T_base_now[:3, 3], rotation])


def is_rigid(T_a_b: Array, tolerance: float = 1e-3) -> bool:
    """True for a finite (4, 4) transform with an orthonormal, right-handed rotation."""
    if T_a_b.shape != (4, 4) or not np.isfinite(T_a_b).all():
        return False
    rotation = T_a_b[:3, :3]
    if not (np.abs(rotation @ rotation.T - _EYE).max() <= tolerance):
        return False
    # With orthonormal rows only the sign of the determinant is left to ask for.
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    return bool(xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx) > 0.0)
