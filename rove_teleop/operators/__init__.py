"""One person and one device: calibration, profile, motion from files, gate and retargeting wired once."""
