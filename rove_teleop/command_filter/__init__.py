"""References in, commands out that cannot break position, velocity, acceleration or jerk limits."""
