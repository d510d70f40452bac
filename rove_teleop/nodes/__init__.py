"""Thin ROS 2 processes: subscribe, step, publish. What they decide lies in the stages."""
