"""Robot descriptions from ``robot_configs/``: joints, groups, limits, operator mapping, kinematics."""

from .description import RobotDescription, load_robot
from .kinematics import Kinematics
from .operator import HandMapping, OperatorMapping

__all__ = ["HandMapping", "Kinematics", "OperatorMapping", "RobotDescription", "load_robot"]
