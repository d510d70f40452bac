"""People without a robot, as episodes for critics."""
