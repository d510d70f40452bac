"""Episodes as fast as the machine can, through the same control loop: demonstrations, evaluation, comparison."""
