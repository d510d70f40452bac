"""Observation to action chunk, and the chunk as a target for every control tick."""
