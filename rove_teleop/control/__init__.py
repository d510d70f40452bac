"""What the control loop is made of between the stages: inputs, one compiled path, what bounds it, its record."""
