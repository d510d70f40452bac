"""Recorded episodes to better policies."""
