"""Sealed episodes as objects: pushed to and pulled from a store, and read there."""
