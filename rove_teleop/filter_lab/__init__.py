"""Logged or foreign streams of targets through any filter configuration, off-line and side by side."""
