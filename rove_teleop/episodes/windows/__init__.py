"""Recorded episodes as windows for training, through a flat cache."""
