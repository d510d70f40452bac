"""Robot descriptions from ``robot_configs/``: joints, groups, limits, operator mapping, kinematics."""

from .description import RobotDescription, load_robot
from .kinematics import Kinematics
from .operator import HAND_ANGLES, HandJoint, OperatorMapping

__all__ = ["HAND_ANGLES", "HandJoint", "Kinematics", "OperatorMapping", "RobotDescription", "load_robot"]
