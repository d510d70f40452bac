"""Everything recorded: journal while it happens, sealed to Zarr when it ends, recovered when it was cut short."""
