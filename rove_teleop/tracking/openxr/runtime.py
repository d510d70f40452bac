"""The OpenXR runtime of this machine: loaded or not, what it offers, and why it does not answer, in one sentence."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...errors import TrackingUnavailable
from ...types import Array
from .binding import xr

HEADLESS = "XR_MND_headless"
TIME = "XR_KHR_convert_timespec_time"
HANDS = "XR_EXT_hand_tracking"
FLOOR = "XR_EXT_local_floor"
PRESENCE = "XR_EXT_user_presence"
NEEDED = (HEADLESS, TIME)
USED = (*NEEDED, HANDS, FLOOR, PRESENCE)
APPLICATION = "rove_teleop"
API_VERSION = (1, 0, 0)
"""Every runtime has it; nothing newer is used."""

_ORIENTATION_VALID, _POSITION_VALID, _ORIENTATION_TRACKED, _POSITION_TRACKED = 1, 2, 4, 8
VALID = _ORIENTATION_VALID | _POSITION_VALID
TRACKED = VALID | _ORIENTATION_TRACKED | _POSITION_TRACKED
"""Flags of a location: known at all, and seen rather than inferred."""

SENTENCES = {
    "RuntimeUnavailableError": (
        "no OpenXR runtime is set up: start SteamVR, WiVRn or Monado once and make it the active runtime "
        "(or name its JSON file in XR_RUNTIME_JSON)"
    ),
    "RuntimeFailureError": "the OpenXR runtime does not answer: start its service (SteamVR, WiVRn, monado-service)",
    "FormFactorUnavailableError": "the OpenXR runtime sees no headset: connect it and switch it on",
    "LimitReachedError": "this process is connected to the OpenXR runtime already",
    "InstanceLostError": "the OpenXR runtime went away",
    "SessionLostError": "the OpenXR session was lost",
}


def unavailable(error: Exception) -> TrackingUnavailable:
    """The sentence for an error of the binding."""
    name = type(error).__name__
    return TrackingUnavailable(SENTENCES.get(name, f"the OpenXR runtime refuses ({name}: {str(error).strip()})"))


def offered() -> frozenset[str]:
    """The extensions of the active runtime.

    Raises:
        TrackingUnavailable: there is no runtime, or it cannot be loaded.
    """
    try:
        properties = xr.enumerate_instance_extension_properties()
    except xr.XrException as error:
        raise unavailable(error) from error
    return frozenset(row.extension_name.decode() for row in properties)


class Runtime:
    """A connection to the runtime and the headset it has now. One per process, closed before the next.

    Raises:
        TrackingUnavailable: no runtime, no service, no headset, or an extension it cannot do without.
    """

    def __init__(self) -> None:
        self.extensions = offered() & frozenset(USED)
        missing = [name for name in NEEDED if name not in self.extensions]
        if missing:
            raise TrackingUnavailable(f"the active OpenXR runtime lacks {', '.join(missing)}: use another runtime")
        about = xr.ApplicationInfo(APPLICATION, 1, APPLICATION, 1, xr.Version(*API_VERSION))
        wanted = xr.InstanceCreateInfo(enabled_extension_names=sorted(self.extensions), application_info=about)
        try:
            self.instance: Any = xr.create_instance(wanted)
        except xr.XrException as error:
            raise unavailable(error) from error
        try:
            self.name: str = xr.get_instance_properties(self.instance).runtime_name.decode(errors="replace")
            self.system: Any = xr.get_system(self.instance, xr.SystemGetInfo(xr.FormFactor.HEAD_MOUNTED_DISPLAY))
            self.tracks_hands = HANDS in self.extensions and self._system_tracks_hands()
        except xr.XrException as error:
            self.close()
            raise unavailable(error) from error

    def _system_tracks_hands(self) -> bool:
        hands = xr.SystemHandTrackingPropertiesEXT()
        properties = xr.SystemProperties(next=ctypes.cast(ctypes.pointer(hands), ctypes.c_void_p))
        get = ctypes.cast(
            xr.get_instance_proc_addr(self.instance, "xrGetSystemProperties"), xr.PFN_xrGetSystemProperties
        )
        check(get(self.instance, self.system, ctypes.byref(properties)))
        return bool(hands.supports_hand_tracking)

    def time_at(self, monotonic_s: float) -> Any:
        """The runtime's time of a moment of our monotonic clock; its own clock has another zero."""
        seconds = int(monotonic_s)
        moment = xr.timespec(seconds, int((monotonic_s - seconds) * 1e9))
        return xr.convert_timespec_time_to_time_khr(self.instance, moment)

    def close(self) -> None:
        """Let go of the runtime, also of one that is gone."""
        try:
            xr.destroy_instance(self.instance)
        except xr.XrException:
            return  # it went first


def locate(space: Any, base_space: Any, time: Any) -> Array | None:
    """Pose (7,) of a space, or None unless all of it is tracked: what is inferred may jump when it is seen again."""
    found = xr.locate_space(space, base_space, time)
    if int(found.location_flags) & TRACKED != TRACKED:
        return None
    q, p = found.pose.orientation, found.pose.position
    return np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def check(code: Any) -> None:
    """Raise what a raw call of the binding returned, unless it is a success."""
    result = xr.exception.check_result(code)
    if result.is_exception():
        raise result
