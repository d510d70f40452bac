"""Detectors and episodes wired: thresholds for one policy, their files, what they are worth."""
