"""Policies that run elsewhere: another process, another environment, another machine."""
