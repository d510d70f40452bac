"""Signals of an episode into a failure score; it advises and never drives."""
