"""Rounds: recorded episodes become a better policy, are judged, and new ones are collected with it."""
