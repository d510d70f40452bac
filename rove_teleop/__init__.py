"""rove_teleop: human-in-the-loop correction of a humanoid's policy, from takeover to a better policy."""

__version__ = "0.1.0"
