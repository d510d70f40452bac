"""A layer between the OpenXR loader and the runtime adds what Monado's remote headset cannot do: 26 free joints of a
hand, a headset that is taken off, and an operator who looks at another program."""

from __future__ import annotations

import ctypes
from collections import deque
from typing import Any

import xr

NAME = "XR_APILAYER_ROVE_test_headset"


class HeadsetLayer(xr.DynamicApiLayerBase):
    """Enabled by its name in ``XR_ENABLE_API_LAYERS``. Everything that is not overridden is Monado's."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.joints: dict[str, list[list[float]]] = {}
        """Poses (position, quaternion x, y, z, w) of 26 joints by side; a side that is not there is Monado's."""
        self.unknown: dict[str, list[int]] = {}
        """Joints of a side that are reported as not valid."""
        self.events: deque[ctypes.Structure] = deque()
        self._sides: dict[int, str] = {}
        self._next: dict[str, Any] = {}
        self._own = {
            "xrPollEvent": xr.PFN_xrPollEvent(self._poll_event),
            "xrLocateHandJointsEXT": xr.PFN_xrLocateHandJointsEXT(self._locate),
            "xrCreateHandTrackerEXT": xr.PFN_xrCreateHandTrackerEXT(self._create_tracker),
        }
        self._get = xr.PFN_xrGetInstanceProcAddr(self._get_instance_proc_addr)
        self._create = xr.PFN_xrCreateApiLayerInstance(self._create_instance)

    def negotiate_loader_api_layer_interface(self, loader_info: Any, layer_name: str, request: Any) -> Any:
        request.layer_interface_version = xr.CURRENT_LOADER_API_LAYER_VERSION
        request.layer_api_version = xr.Version(1, 0, 0).number()
        request.get_instance_proc_addr = self._get
        request.create_api_layer_instance = self._create
        return xr.Result.SUCCESS

    def _create_instance(self, info: Any, layer_info: Any, instance: Any) -> int:
        below = layer_info.contents.next_info.contents
        self._below = below.next_get_instance_proc_addr
        return int(below.next_create_api_layer_instance(info, layer_info, instance))

    def _get_instance_proc_addr(self, instance: Any, name: bytes, function: Any) -> int:
        code = int(self._below(instance, name, function))
        own = self._own.get(name.decode())
        if own is not None and code == 0:
            below = ctypes.cast(function, ctypes.POINTER(ctypes.c_void_p)).contents.value
            self._next[name.decode()] = ctypes.cast(below, type(own))
            ctypes.memmove(function, ctypes.byref(own), ctypes.sizeof(own))
        return code

    def _poll_event(self, instance: Any, buffer: Any) -> int:
        if not self.events:
            return int(self._next["xrPollEvent"](instance, buffer))
        event = self.events.popleft()
        ctypes.memmove(buffer, ctypes.byref(event), ctypes.sizeof(event))
        return 0

    def _create_tracker(self, session: Any, info: Any, tracker: Any) -> int:
        code = int(self._next["xrCreateHandTrackerEXT"](session, info, tracker))
        address = ctypes.cast(tracker, ctypes.POINTER(ctypes.c_void_p)).contents.value
        self._sides[address or 0] = "left" if info.contents._hand == xr.HandEXT.LEFT.value else "right"
        return code

    def _locate(self, tracker: Any, info: Any, locations: Any) -> int:
        code = int(self._next["xrLocateHandJointsEXT"](tracker, info, locations))
        side = self._sides[ctypes.cast(tracker, ctypes.c_void_p).value or 0]
        for row, pose in enumerate(self.joints.get(side, ())):
            location = locations.contents._joint_locations[row]
            location.pose.position = xr.Vector3f(*pose[:3])
            location.pose.orientation = xr.Quaternionf(*pose[3:])
            locations.contents._joint_locations[row] = location
        for row in self.unknown.get(side, ()):
            locations.contents._joint_locations[row]._location_flags = 0
        return code


def state_changed(name: str) -> ctypes.Structure:
    """The runtime's event for a session that is now in this state."""
    return xr.EventDataSessionStateChanged(state=xr.SessionState[name])  # type: ignore[no-any-return]


def presence_changed(worn: bool) -> ctypes.Structure:
    """The runtime's event for a headset that is put on or taken off."""
    return xr.EventDataUserPresenceChangedEXT(is_user_present=worn)  # type: ignore[no-any-return]
