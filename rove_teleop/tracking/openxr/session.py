"""One life of an OpenXR session without graphics: what it sees now, and what the runtime says about it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...clock import monotonic_s
from ...errors import TrackingUnavailable
from ...types import SIDES, Array, Side
from .binding import xr
from .controllers import Controllers, Grip
from .hands import Hands, Joints
from .runtime import FLOOR, Runtime, locate, unavailable

_EVENTS = {
    kind.value: structure
    for kind, structure in (
        (xr.StructureType.EVENT_DATA_SESSION_STATE_CHANGED, xr.EventDataSessionStateChanged),
        (xr.StructureType.EVENT_DATA_REFERENCE_SPACE_CHANGE_PENDING, xr.EventDataReferenceSpaceChangePending),
        (xr.StructureType.EVENT_DATA_USER_PRESENCE_CHANGED_EXT, xr.EventDataUserPresenceChangedEXT),
        (xr.StructureType.EVENT_DATA_INSTANCE_LOSS_PENDING, xr.EventDataInstanceLossPending),
    )
}
"""By number, and the fields of events are read as numbers, too: the binding raises for one that it cannot name."""
_STATE = {name: xr.SessionState[name].value for name in ("IDLE", "READY", "FOCUSED", "STOPPING")}
_ENDED = (xr.SessionState.EXITING.value, xr.SessionState.LOSS_PENDING.value)


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything at one moment, poses (7,) in XR's axes; None for what is not tracked."""

    head: Array | None
    joints: dict[Side, Joints | None]
    grips: dict[Side, Grip | None]


class Session:
    """Head, hands and controllers in a space whose floor is at zero, where the runtime has one.

    Every method raises TrackingUnavailable when the runtime is gone or ends the session: close it and open another.
    """

    def __init__(self) -> None:
        self.runtime = Runtime()
        self.worn = True
        """False from the moment the runtime says that nobody wears the headset."""
        self.recentered = 0
        """How often the origin has moved, counted from the moment the runtime moved it."""
        self._state = _STATE["IDLE"]
        self._moves: list[int] = []
        try:
            self._open()
        except xr.XrException as error:
            self.close()
            raise unavailable(error) from error

    def _open(self) -> None:
        self._session = xr.create_session(self.runtime.instance, xr.SessionCreateInfo(system_id=self.runtime.system))
        self._space_type = self._best_space()
        self._space = self._reference(self._space_type)
        self._view = self._reference(xr.ReferenceSpaceType.VIEW)
        self._controllers = Controllers(self.runtime, self._session, self._space)
        self._hands = Hands(self.runtime, self._session, self._space) if self.runtime.tracks_hands else None

    def _best_space(self) -> Any:
        offered = set(xr.enumerate_reference_spaces(self._session))  # numbers, some of which the binding cannot name
        floor, stage = xr.ReferenceSpaceType.LOCAL_FLOOR, xr.ReferenceSpaceType.STAGE
        if FLOOR in self.runtime.extensions and floor.value in offered:
            return floor
        return stage if stage.value in offered else xr.ReferenceSpaceType.LOCAL

    def _reference(self, kind: Any) -> Any:
        return xr.create_reference_space(self._session, xr.ReferenceSpaceCreateInfo(kind, xr.Posef()))

    @property
    def focused(self) -> bool:
        """Whether the operator wears the headset and looks at nothing else."""
        return self.worn and self._state == _STATE["FOCUSED"]

    def look(self, now_s: float) -> Sight | None:
        """What is tracked at ``now_s`` of our monotonic clock, or None while the session is not in focus."""
        try:
            self._listen()
            sight = self._sight(self.runtime.time_at(now_s)) if self.focused else None
            # Again: what happened while it looked belongs to what it saw.
            self._listen()
            return sight if self.focused else None
        except xr.SessionNotFocused:
            return None  # the event that says so is on its way
        except xr.XrException as error:
            raise unavailable(error) from error

    def _sight(self, time: Any) -> Sight:
        self._controllers.sync()
        hands = self._hands
        return Sight(
            head=locate(self._view, self._space, time),
            joints={side: hands.locate(side, time) if hands is not None else None for side in SIDES},
            grips={side: self._controllers.locate(side, time) for side in SIDES},
        )

    def _listen(self) -> None:
        for event in self._events():
            self._take(event)
        if self._moves:
            self._count_moves(int(self.runtime.time_at(monotonic_s()).value))

    def _events(self) -> Iterator[Any]:
        while True:
            try:
                buffer = xr.poll_event(self.runtime.instance)
            except xr.EventUnavailable:
                return
            kind = _EVENTS.get(buffer._type)
            if kind is not None:
                yield ctypes.cast(ctypes.byref(buffer), ctypes.POINTER(kind)).contents

    def _take(self, event: Any) -> None:
        if isinstance(event, xr.EventDataSessionStateChanged):
            self._state = int(event._state)
            self._follow_state()
        elif isinstance(event, xr.EventDataReferenceSpaceChangePending):
            if int(event._reference_space_type) == self._space_type.value:
                self._moves.append(int(event.change_time))
        elif isinstance(event, xr.EventDataUserPresenceChangedEXT):
            self.worn = bool(event.is_user_present)
        else:
            raise TrackingUnavailable("the OpenXR runtime is going away")

    def _follow_state(self) -> None:
        if self._state == _STATE["READY"]:
            begin = xr.SessionBeginInfo(xr.ViewConfigurationType.PRIMARY_STEREO)
            xr.begin_session(self._session, begin)
        elif self._state == _STATE["STOPPING"]:
            xr.end_session(self._session)
        elif self._state in _ENDED:
            raise TrackingUnavailable("the OpenXR runtime ended the session")

    def _count_moves(self, until: int) -> None:
        """A move of the origin counts from its own time: before it, poses are those of the old one."""
        due = [moment for moment in self._moves if moment <= until]
        self.recentered += len(due)
        self._moves = [moment for moment in self._moves if moment not in due]

    def close(self) -> None:
        """Give the headset back; the session's parts go with the instance."""
        self.runtime.close()
