"""The first message type that is loaded imports lark, which imports a deprecated module of the standard library."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import rosidl_generator_py  # noqa: F401
    except ImportError:  # no ROS here: the tests that need it skip themselves
        pass
