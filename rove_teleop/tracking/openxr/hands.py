"""Two hands of 26 joints from OpenXR's hand tracking, read where the runtime writes them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...types import SIDES, Array, Side
from ..xr_hand import OPENXR_JOINTS
from .binding import xr
from .runtime import TRACKED, VALID, Runtime, check

_WRIST = 1
_JOINT = np.dtype([("flags", "<u8"), ("quat_xyzw", "<f4", 4), ("position_m", "<f4", 3), ("radius_m", "<f4")])


@dataclass(frozen=True, slots=True)
class Joints:
    """One hand: poses (26, 7) in XR's axes, and which of them (26,) count."""

    poses: Array
    valid: NDArray[np.bool_]


class Hands:
    """The hand trackers of one session.

    A finger that is hidden behind the hand is what the runtime infers it to be; a wrist that is only inferred (out of
    sight, dead reckoning) is not tracked: on its return it may be a metre away.
    """

    def __init__(self, runtime: Runtime, session: Any, space: Any) -> None:
        self._space = space
        name = "xrLocateHandJointsEXT"
        # The binding's own wrapper passes no room for the joints and always fails.
        self._locate = ctypes.cast(xr.get_instance_proc_addr(runtime.instance, name), xr.PFN_xrLocateHandJointsEXT)
        self._trackers: dict[Side, Any] = {}
        for side, hand in zip(SIDES, (xr.HandEXT.LEFT, xr.HandEXT.RIGHT), strict=True):
            create = xr.HandTrackerCreateInfoEXT(hand=hand, hand_joint_set=xr.HandJointSetEXT.DEFAULT)
            self._trackers[side] = xr.create_hand_tracker_ext(session, create)

    def locate(self, side: Side, time: Any) -> Joints | None:
        """The hand at ``time``, or None while it is not tracked. Errors are the binding's."""
        buffer = (xr.HandJointLocationEXT * OPENXR_JOINTS)()
        found = xr.HandJointLocationsEXT(joint_locations=buffer)
        where = xr.HandJointsLocateInfoEXT(base_space=self._space, time=time)
        check(self._locate(self._trackers[side], ctypes.byref(where), ctypes.byref(found)))
        if not found.is_active:
            return None
        rows = np.frombuffer(buffer, _JOINT)
        valid = (rows["flags"] & VALID) == VALID
        valid[_WRIST] = (rows["flags"][_WRIST] & TRACKED) == TRACKED
        return Joints(np.hstack([rows["position_m"], rows["quat_xyzw"]]).astype(np.float64), valid)
