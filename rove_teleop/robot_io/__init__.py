"""Read a robot's state and send it commands, and the ROS 2 messages that carry both."""
