"""Pictures of results: arrays in, one PNG out, no display needed."""
