"""Small recordings of every format, written by the tests; and the real ones, where the checkout has them beside it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from rove_teleop.tracking.hand_shape import hand_points
from rove_teleop.tracking.readers import rove

from .operator_frames import frame

REAL = Path(__file__).parents[3] / "shared" / "data" / "motion"
REAL_FILES = (
    "cmu_01_01.bvh.gz",
    "leap_bimanual_dropouts.json.gz",
    "manus_right_s000_r010.npz",
    "mediapipe_right_video.npy",
    "qualisys_arm_glove_pillow.tsv",
    "webvr_head_controllers.json",
)


def real(name: str) -> Path:
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"the recording {name} is not beside this checkout ({REAL})")
    return path


def bvh(
    rows=None, left="LeftHand", right="RightHand", unit=1.0, head="Head", channels="3 Zrotation Xrotation Yrotation"
):
    """A body of 30 cm upper arms and 25 cm forearms in a T pose, y up, facing z, in metres times ``1 / unit``."""

    def arm(side, word, hand):
        x = 1.0 if side == "left" else -1.0
        return f"""
    JOINT {word}Arm
    {{
      OFFSET {x * 0.18 / unit} {0.45 / unit} 0
      CHANNELS {channels}
      JOINT {word}ForeArm
      {{
        OFFSET {x * 0.30 / unit} 0 0
        CHANNELS {channels}
        JOINT {hand}
        {{
          OFFSET {x * 0.25 / unit} 0 0
          CHANNELS {channels}
          End Site
          {{
            OFFSET {x * 0.18 / unit} 0 0
          }}
        }}
      }}
    }}"""

    rows = rows if rows is not None else [[0.0] * 27] * 3
    return f"""HIERARCHY
ROOT Hips
{{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT {head}
  {{
    OFFSET 0 {0.6 / unit} 0
    CHANNELS {channels}
    End Site
    {{
      OFFSET 0 {0.2 / unit} 0
    }}
  }}{arm("left", "Left", left)}{arm("right", "Right", right)}
}}
MOTION
Frames: {len(rows)}
Frame Time: 0.01
""" + "".join(" ".join(f"{v:.6f}" for v in row) + "\n" for row in rows)


def manus(frames=4, side="RIGHT", **changes) -> bytes:
    """A glove whose hand is a typical one, turning a little about z; 25 nodes with one inside the palm per finger."""
    hand = hand_points("right" if side == "RIGHT" else "left", 0.2)
    nodes = np.zeros((25, 3))
    nodes[:5] = hand[:5]
    for finger in range(4):
        nodes[5 + 5 * finger + 1 : 10 + 5 * finger] = hand[5 + 4 * finger : 9 + 4 * finger]
        nodes[5 + 5 * finger] = hand[5 + 4 * finger] * 0.3
    data = np.zeros((frames, 25, 7), dtype=np.float32)
    for k in range(frames):
        c, s = np.cos(0.05 * k), np.sin(0.05 * k)
        data[k, :, :3] = nodes @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T
        data[k, :, 3:] = np.array([np.cos(0.025 * k), 0, 0, np.sin(0.025 * k)])
    arrays = {"data": data, "timestamps": 1.7e9 + np.arange(frames) * 0.01, "chirality": np.array(side)}
    arrays["quaternion_order"] = np.array("wxyz")
    arrays.update(changes)
    buffer = io.BytesIO()
    np.savez(buffer, **{key: value for key, value in arrays.items() if value is not None})
    return buffer.getvalue()


def mediapipe(points=None) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.stack([hand_points("right", c) for c in (0.1, 0.2, 0.3)]) if points is None else points)
    return buffer.getvalue()


def leap(frames=4, lost=(), edit=lambda frames: None) -> str:
    """Two open hands, 20 cm above the sensor, 30 cm apart; the right one is missing in the frames ``lost``."""
    result = []
    for k in range(frames):
        hands, pointables = [], []
        for side in ("left", "right"):
            if side == "right" and k in lost:
                continue
            x, identity = (-150.0, 10) if side == "left" else (150.0, 20 + k)
            hands.append(
                {"type": side, "id": identity, "confidence": 1.0, "palmPosition": [x, 200.0, 0.0]}
                | {"palmNormal": [0.0, -1.0, 0.0], "direction": [0.0, 0.0, -1.0]}
            )
            points = hand_points(side, 0.1)[1:].reshape(5, 4, 3) * 1000.0
            for finger in range(5):
                here = [[x - p[1], 200.0 + p[2], 70.0 - p[0]] for p in points[finger]]
                names = ("mcpPosition", "pipPosition", "dipPosition", "tipPosition")
                pointables.append({"type": finger, "handId": identity} | dict(zip(names, here, strict=True)))
        result.append({"timestamp": 5_000_000 + 10_000 * k, "hands": hands, "pointables": pointables})
    edit(result)
    return json.dumps({"frames": result, "metadata": {}})


MARKERS = (
    "hand_top hand_left hand_right thumb_tip thumb_middle index_tip index_middle middle_tip middle_middle ring_tip "
    "ring_middle little_tip little_middle right_elbow right_shoulder"
).split()


def qualisys(rows=5, markers=MARKERS, edit=lambda cells: None, header=True) -> str:
    """A right hand stretched along x of the lab, 1 m high, moving forward 1 mm per frame."""
    hand = hand_points("right", 0.0) * 1000.0
    place = {"hand_top": (50.0, 0, 0), "hand_left": (10.0, 20, 0), "hand_right": (10.0, -20, 0)}
    place |= {"right_elbow": (-260.0, 0, 0), "right_shoulder": (-560.0, 0, 0)}
    for k, finger in enumerate(("thumb", "index", "middle", "ring", "little")):
        place |= {f"{finger}_middle": hand[4 * k + 2] - (10, 0, 20), f"{finger}_tip": hand[4 * k + 4] - (10, 0, 20)}
    lines = [f"NO_OF_FRAMES\t{rows}", "FREQUENCY\t100", "MARKER_NAMES\t" + "\t".join(markers)] if header else []
    lines.append("Frame\tTime\t" + "".join(f"{name} {axis}\t" for name in markers for axis in "XYZ"))
    table = []
    for k in range(rows):
        cells = [str(k + 1), f"{k / 100:.5f}"]
        for name in markers:
            x, y, z = place.get(name, (0.0, 0.0, 0.0))
            cells += [f"{x + k:.3f}", f"{y:.3f}", f"{z + 1000:.3f}"]
        table.append(cells)
    edit(table)
    return "\n".join([*lines, *("\t".join(cells) for cells in table)]) + "\n"


def webvr(frames=5, edit=lambda session: None) -> str:
    """A head at 1.6 m that looks along -z, hands in front moving forward 1 cm per frame; right button at 25 ms."""

    def poses(x, y, z):
        position = [{"x": x, "y": y, "z": z - 0.01 * k} for k in range(frames)]
        turn = {"x": 0.0, "y": 0.0, "z": 0.0}
        return [{"position": p, "rotation": turn, "timestamp": 1000.0 + 10.0 * k} for k, p in enumerate(position)]

    head = [dict(pose, position={"x": 0.0, "y": 1.6, "z": 0.0}) for pose in poses(0.0, 1.6, 0.0)]
    session = {
        "camera": {"poses": head, "events": []},
        "left": {"poses": poses(-0.2, 1.2, -0.4), "events": []},
        "right": {"poses": poses(0.2, 1.2, -0.4), "events": [{"name": "buttondown", "timestamp": 1025.0}]},
    }
    edit(session)
    return json.dumps(session)


def own(frames=5) -> bytes:
    """Both hands at rest, as our recorder writes them."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **rove.pack_frames([frame(k) for k in range(frames)]))
    return buffer.getvalue()


VALID = {
    "walk.bvh": lambda: bvh().encode(),
    "glove.npz": manus,
    "hand_right.npy": mediapipe,
    "desk.json": lambda: leap().encode(),
    "markers.tsv": lambda: qualisys().encode(),
    "headset.json": lambda: webvr().encode(),
    "own.npz": own,
}
