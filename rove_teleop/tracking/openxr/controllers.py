"""Controllers of any common make through OpenXR's actions: where they are gripped, how hard, and the trigger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...types import SIDES, Array, Side
from .binding import xr
from .runtime import Runtime, locate

PROFILES = {
    "oculus/touch_controller": ("squeeze/value", "trigger/value"),
    "valve/index_controller": ("squeeze/value", "trigger/value"),
    "htc/vive_controller": ("squeeze/click", "trigger/value"),
    "microsoft/motion_controller": ("squeeze/click", "trigger/value"),
}
"""Profiles of the standard with their squeeze and trigger. The standard's simple controller is left out: runtimes play
it with bare hands, and a pinch is no deadman."""


@dataclass(frozen=True, slots=True)
class Grip:
    """A controller in a hand: its grip pose (7,) in XR's axes or None while it is out of sight; both in [0, 1]."""

    pose: Array | None
    squeeze: float
    trigger: float


class Controllers:
    """The action set of one session: pose, squeeze and trigger of each hand."""

    def __init__(self, runtime: Runtime, session: Any, space: Any) -> None:
        self._session, self._space = session, space
        instance = runtime.instance
        self._hands = {side: xr.string_to_path(instance, f"/user/hand/{side}") for side in SIDES}
        self._set = xr.create_action_set(instance, xr.ActionSetCreateInfo("operator", "Operator", 0))
        self._grip = self._action("grip", xr.ActionType.POSE_INPUT)
        self._squeeze = self._action("squeeze", xr.ActionType.FLOAT_INPUT)
        self._trigger = self._action("trigger", xr.ActionType.FLOAT_INPUT)
        for profile, (squeeze, trigger) in PROFILES.items():
            self._suggest(instance, profile, {"grip/pose": self._grip, squeeze: self._squeeze, trigger: self._trigger})
        attach = xr.SessionActionSetsAttachInfo(action_sets=[self._set])
        xr.attach_session_action_sets(session, attach)
        self._spaces = {
            side: xr.create_action_space(session, xr.ActionSpaceCreateInfo(self._grip, path))
            for side, path in self._hands.items()
        }

    def _action(self, name: str, kind: Any) -> Any:
        paths = list(self._hands.values())
        return xr.create_action(
            self._set, xr.ActionCreateInfo(name, kind, subaction_paths=paths, localized_action_name=name.capitalize())
        )

    def _suggest(self, instance: Any, profile: str, inputs: dict[str, Any]) -> None:
        """A runtime that does not know a make has none of it to offer."""
        bindings = [
            xr.ActionSuggestedBinding(action, xr.string_to_path(instance, f"/user/hand/{side}/input/{name}"))
            for name, action in inputs.items()
            for side in SIDES
        ]
        path = xr.string_to_path(instance, f"/interaction_profiles/{profile}")
        try:
            suggested = xr.InteractionProfileSuggestedBinding(path, suggested_bindings=bindings)
            xr.suggest_interaction_profile_bindings(instance, suggested)
        except xr.PathUnsupportedError:
            return

    def sync(self) -> None:
        """Take the newest buttons. Only a session in focus may; errors are the binding's."""
        active = xr.ActiveActionSet(self._set, xr.NULL_PATH)
        xr.sync_actions(self._session, xr.ActionsSyncInfo(active_action_sets=[active]))

    def locate(self, side: Side, time: Any) -> Grip | None:
        """The controller in this hand, or None when there is none."""
        where = xr.ActionStateGetInfo(self._grip, self._hands[side])
        if not xr.get_action_state_pose(self._session, where).is_active:
            return None
        pose = locate(self._spaces[side], self._space, time)
        return Grip(pose, self._value(self._squeeze, side), self._value(self._trigger, side))

    def _value(self, action: Any, side: Side) -> float:
        state = xr.get_action_state_float(self._session, xr.ActionStateGetInfo(action, self._hands[side]))
        return float(state.current_state) if state.is_active else 0.0
