"""How far sites are from their goals, and how the joints change that: the rows of the body's least squares.

A goal's six rows are its position error in metres and its orientation error times a length, so that one sum of squares
weighs both. A swivel, an elbow that may only turn about the line from shoulder to wrist, has one row.
"""

from __future__ import annotations

from math import atan2, inf, sqrt

from ..compiled import njit
from ..types import Array
from .body_links import POSE, speed_of
from .body_problem import ACTIVE, ERROR, GOAL, PLACE, THERE, WEIGHT, Ints


@njit
def find_goals(m: int, wanted: int, serves: Ints, swivel: Ints, site: Array, index: Ints) -> None:
    """Which goals count, ``THERE``, and which of ``m`` links may move now, ``ACTIVE``.

    A goal that is not finite does not count, nor does a swivel without its wrist's.
    """
    for k in range(len(site)):
        total = 0.0  # infinite or NaN when any number is
        if wanted >> k & 1:
            for a in range(GOAL, GOAL + 12):
                total += abs(site[k, a])
        index[THERE, k] = wanted >> k & 1 if total < inf else 0
    for i in range(m):
        index[ACTIVE, i] = 0
    for k in range(len(site)):
        if swivel[k, 1] >= 0:
            index[THERE, k] &= index[THERE, swivel[k, 1]]
        if index[THERE, k]:
            for i in range(m):
                index[ACTIVE, i] |= serves[k, i]


@njit
def goal_errors(there: Ints, swivel: Ints, frame: Array, site: Array) -> float:
    """Weighted errors of all goals, six columns from ``ERROR``; returns their sum of squares."""
    cost = 0.0
    for k in range(len(site)):
        if not there[k]:
            continue
        linear, angular = site[k, WEIGHT], site[k, WEIGHT + 1]
        if swivel[k, 1] >= 0:
            off, _, _, _ = _swivel(site, k, frame, swivel[k, 0], swivel[k, 1])
            site[k, ERROR] = linear * off
            cost += site[k, ERROR] ** 2
            continue
        x, y, z = _turn(site[k])
        site[k, ERROR + 3], site[k, ERROR + 4], site[k, ERROR + 5] = angular * x, angular * y, angular * z
        for a in range(3):
            site[k, ERROR + a] = linear * (site[k, GOAL + 4 * a + 3] - site[k, PLACE + 4 * a + 3])
            cost += site[k, ERROR + a] ** 2 + site[k, ERROR + 3 + a] ** 2
    return cost


@njit
def goal_rows(
    there: Ints,
    depth: Ints,
    above: Ints,
    site_link: Ints,
    serves: Ints,
    swivel: Ints,
    frame: Array,
    site: Array,
    J: Array,
) -> None:
    """Weighted Jacobians of all goals, by depth as in ``box_qp``; of a swivel only the first row counts."""
    for k in range(len(site)):
        if not there[k] or site_link[k] < 0:
            continue
        u, v, w, turns, r = 0.0, 0.0, 0.0, swivel[k, 1] >= 0, 6 * k
        if turns:
            _, u, v, w = _swivel(site, k, frame, swivel[k, 0], swivel[k, 1])
        px, py, pz = site[k, PLACE + 3], site[k, PLACE + 7], site[k, PLACE + 11]
        linear, angular = site[k, WEIGHT], site[k, WEIGHT + 1]
        for d in range(depth[site_link[k]] + 1):
            i = above[site_link[k], d]
            if not serves[k, i]:
                for a in range(6):
                    J[r + a, d] = 0.0
                continue
            x, y, z = speed_of(frame, i, px, py, pz)
            if turns:
                J[r, d] = linear * (u * x + v * y + w * z)
                continue
            J[r, d], J[r + 1, d], J[r + 2, d] = linear * x, linear * y, linear * z
            for a in range(3):
                J[r + 3 + a, d] = angular * frame[i, POSE + 4 * a + 2]


@njit
def add_goals(
    there: Ints,
    depth: Ints,
    above: Ints,
    site_link: Ints,
    serves: Ints,
    swivel: Ints,
    site: Array,
    J: Array,
    most_m: float,
    H: Array,
    g: Array,
) -> None:
    """Add the goals of one linearised step to H and g of a ``box_qp``, position errors cut to ``most_m``."""
    for k in range(len(site)):
        if not there[k] or site_link[k] < 0:
            continue
        e0, e1, e2, r = site[k, ERROR], site[k, ERROR + 1], site[k, ERROR + 2], 6 * k
        if swivel[k, 1] >= 0:
            e1 = e2 = 0.0
        near = min(1.0, site[k, WEIGHT] * most_m / max(sqrt(e0 * e0 + e1 * e1 + e2 * e2), 1e-12))
        e0, e1, e2 = near * e0, near * e1, near * e2
        e3, e4, e5 = site[k, ERROR + 3], site[k, ERROR + 4], site[k, ERROR + 5]
        for d in range(depth[site_link[k]] + 1):
            i = above[site_link[k], d]
            if not serves[k, i]:
                continue
            if swivel[k, 1] >= 0:
                g[i] += J[r, d] * e0
                for e in range(d + 1):
                    H[i, e] += J[r, d] * J[r, e]
                continue
            a, b, c, u, v, w = J[r, d], J[r + 1, d], J[r + 2, d], J[r + 3, d], J[r + 4, d], J[r + 5, d]
            g[i] += a * e0 + b * e1 + c * e2 + u * e3 + v * e4 + w * e5
            for e in range(d + 1):
                H[i, e] += (
                    a * J[r, e]
                    + b * J[r + 1, e]
                    + c * J[r + 2, e]
                    + u * J[r + 3, e]
                    + v * J[r + 4, e]
                    + w * J[r + 5, e]
                )


@njit
def worst_errors(there: Ints, swivel: Ints, site: Array) -> tuple[float, float]:
    """Largest position error in metres and orientation error in radians of goals that are no swivels."""
    worst_m, worst_rad = 0.0, 0.0
    for k in range(len(site)):
        if there[k] and swivel[k, 1] < 0:
            error = site[k, ERROR : ERROR + 6]
            if site[k, WEIGHT] > 0.0:
                worst_m = max(worst_m, sqrt(error[0] ** 2 + error[1] ** 2 + error[2] ** 2) / site[k, WEIGHT])
            worst_rad = max(worst_rad, sqrt(error[3] ** 2 + error[4] ** 2 + error[5] ** 2) / site[k, WEIGHT + 1])
    return worst_m, worst_rad


@njit
def _dot(row: Array, a: int, b: int) -> float:
    """Row ``a`` of a goal's rotation times row ``b`` of the site's."""
    a, b = GOAL + 4 * a, PLACE + 4 * b
    return float(row[a] * row[b] + row[a + 1] * row[b + 1] + row[a + 2] * row[b + 2])


@njit
def _turn(row: Array) -> tuple[float, float, float]:
    """Rotation vector in the base frame that takes a site, a row of its table, to its goal."""
    xx, yy, zz = _dot(row, 0, 0), _dot(row, 1, 1), _dot(row, 2, 2)
    xy, yx = _dot(row, 0, 1), _dot(row, 1, 0)
    xz, zx = _dot(row, 0, 2), _dot(row, 2, 0)
    yz, zy = _dot(row, 1, 2), _dot(row, 2, 1)
    x, y, z = zy - yz, xz - zx, yx - xy
    sine, cosine = 0.5 * sqrt(x * x + y * y + z * z), 0.5 * (xx + yy + zz - 1.0)
    angle = atan2(sine, cosine)
    if cosine > -0.99:
        scale = 0.5 * (angle / sine if sine > 1e-9 else 1.0)
        return scale * x, scale * y, scale * z
    # Close to half a turn the difference of the off-diagonals vanishes; their sum still knows the axis.
    if xx >= yy and xx >= zz:
        u, v, w = 2.0 * (xx - cosine), xy + yx, xz + zx
    elif yy >= zz:
        u, v, w = xy + yx, 2.0 * (yy - cosine), yz + zy
    else:
        u, v, w = xz + zx, yz + zy, 2.0 * (zz - cosine)
    scale = (1.0 if u * x + v * y + w * z >= 0.0 else -1.0) * angle / sqrt(u * u + v * v + w * w)
    return scale * u, scale * v, scale * w


@njit
def _off_line(x: float, y: float, z: float, ax: float, ay: float, az: float) -> tuple[float, float, float]:
    """What of (x, y, z) is across the direction (ax, ay, az)."""
    along = ax * x + ay * y + az * z
    return x - along * ax, y - along * ay, z - along * az


@njit
def _swivel(site: Array, k: int, frame: Array, shoulder: int, wrist: int) -> tuple[float, float, float, float]:
    """How far along its circle an elbow is from its hint, in metres, and the direction (3 numbers) of that.

    Only the turn about the line from shoulder to wrist counts, so the hint costs the wrist nothing. A hint close to
    that line says little, and is scaled down with its distance from it.
    """
    sx, sy, sz = frame[shoulder, POSE + 3], frame[shoulder, POSE + 7], frame[shoulder, POSE + 11]
    ax, ay, az = site[wrist, PLACE + 3] - sx, site[wrist, PLACE + 7] - sy, site[wrist, PLACE + 11] - sz
    inverse = 1.0 / max(sqrt(ax * ax + ay * ay + az * az), 1e-6)
    ax, ay, az = inverse * ax, inverse * ay, inverse * az
    x, y, z = _off_line(site[k, PLACE + 3] - sx, site[k, PLACE + 7] - sy, site[k, PLACE + 11] - sz, ax, ay, az)
    hx, hy, hz = _off_line(site[k, GOAL + 3] - sx, site[k, GOAL + 7] - sy, site[k, GOAL + 11] - sz, ax, ay, az)
    off_m, hint_off_m = sqrt(x * x + y * y + z * z), sqrt(hx * hx + hy * hy + hz * hz)
    inverse = 1.0 / max(off_m, 1e-6)
    u, v, w = inverse * (ay * z - az * y), inverse * (az * x - ax * z), inverse * (ax * y - ay * x)
    share = min(1.0, hint_off_m * inverse)
    angle = atan2(u * hx + v * hy + w * hz, inverse * (x * hx + y * hy + z * hz))
    return share * off_m * angle, share * u, share * v, share * w
