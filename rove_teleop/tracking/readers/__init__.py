"""One reader per recorded format; each turns its file's axes, units and losses into a Motion."""
