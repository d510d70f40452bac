"""The product's OpenXR device in a process of its own: every frame as a line of JSON, commands as lines on stdin.

Run by ``xrpython``: a process that loads Monado's client library needs its C library, and one killed with the runtime
must not be the test. As the only argument, ``layer`` puts ``HeadsetLayer`` below the device and ``validated`` the
standard's own checker of every call.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

from rove_teleop.clock import monotonic_s
from rove_teleop.tracking.openxr.device import OpenXrDevice
from rove_teleop.types import SIDES, OperatorFrame


def line(device: OpenXrDevice, frame: OperatorFrame | None) -> str:
    row: dict[str, Any] = {"problem": device.problem, "counts": dict(device.counts), "frame": None}
    if frame is not None:
        row["frame"] = {
            "age_s": monotonic_s() - frame.stamp_s,
            "stamp_s": frame.stamp_s,
            "sequence": frame.sequence,
            "engaged": frame.engaged,
            "space": frame.space,
            "head": None if frame.T_world_head is None else frame.T_world_head.tolist(),
        }
        for side in SIDES:
            hand = frame.hand(side)
            row["frame"][side] = {
                "wrist": None if hand.T_world_wrist is None else hand.T_world_wrist.tolist(),
                "points": None if hand.points_m is None else hand.points_m.tolist(),
            }
    return json.dumps(row)


def main() -> None:
    layer: Any = None
    if sys.argv[1:] == ["layer"]:
        from tests.integration import openxr_layer

        layer = openxr_layer.HeadsetLayer()
        os.environ["XR_ENABLE_API_LAYERS"] = openxr_layer.NAME
    if sys.argv[1:] == ["validated"]:
        import xr

        xr.api_layer.activate_core_validation_layer()
    device, told = OpenXrDevice(retry_s=0.1), ""
    while True:
        frame = device.poll(0.02)
        problem = device.problem or ""
        if frame is not None or problem != told:
            told = problem
            print(line(device, frame), flush=True)
        if select.select([sys.stdin], [], [], 0.0)[0]:
            command = sys.stdin.readline()
            if not command:
                break
            obey(json.loads(command), layer)
    device.close()


def obey(command: dict[str, Any], layer: Any) -> None:
    from tests.integration import openxr_layer

    if "state" in command:
        layer.events.append(openxr_layer.state_changed(command["state"]))
    if "worn" in command:
        layer.events.append(openxr_layer.presence_changed(command["worn"]))
    layer.joints.update(command.get("joints", {}))
    layer.unknown.update(command.get("unknown", {}))


if __name__ == "__main__":
    main()
