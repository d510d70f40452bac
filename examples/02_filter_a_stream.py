"""Put the command filter behind your own joint targets: whatever they are, what comes out keeps every limit.

python examples/02_filter_a_stream.py
"""

import numpy as np

from rove_teleop.command_filter.limits import Limits
from rove_teleop.control.motion_path import OPERATOR, MotionPath
from rove_teleop.robots.description import load_robot


def main() -> None:
    robot = load_robot("iron_r01")
    limits = Limits(
        robot.q_min_rad, robot.q_max_rad, robot.v_max_rad_s, robot.a_max_rad_s2, robot.j_max_rad_s3, robot.dt_s
    )
    path = MotionPath(limits, robot.groups)
    path.filter.start(robot.home_rad)
    path.begin(robot.home_rad)
    operator, no_policy = np.full(robot.joint_count, OPERATOR), np.full(robot.joint_count, np.nan)
    rng = np.random.default_rng(0)
    sent = []
    for tick in range(1000):
        # A target that jumps anywhere four times a second, and is not a number now and then.
        if tick % 62 == 0:
            target = rng.uniform(1.5 * robot.q_min_rad, 1.5 * robot.q_max_rad)
        if tick % 200 == 0:
            target[0] = np.nan
        sent.append(path.step(operator, no_policy, target))
    for order, (name, limit) in enumerate(
        (("velocity", robot.v_max_rad_s), ("acceleration", robot.a_max_rad_s2), ("jerk", robot.j_max_rad_s3)), start=1
    ):
        share = np.max(np.abs(np.diff(sent, order, axis=0)) / robot.dt_s**order / limit)
        print(f"largest {name}: {100 * share:.1f} % of the limit")


if __name__ == "__main__":
    main()
