"""The binding to OpenXR, or one sentence about how to get it."""

from __future__ import annotations

import os

from ...errors import MissingDependency

__all__ = ["xr"]

# The loader writes a page to stderr for every failed attempt, and a missing headset is tried again for hours.
os.environ.setdefault("XR_LOADER_DEBUG", "none")
try:
    import xr
except (ImportError, OSError, AttributeError) as error:  # the last two: its OpenGL bindings on a machine without libGL
    raise MissingDependency(
        f"OpenXR needs pyopenxr ({error}): pip install 'rove_teleop[openxr]', and on Debian apt install libgl1"
    ) from error
