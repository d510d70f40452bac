"""Simulated senders: the documented bytes of each mocap protocol, written from the documents, not with our decoders."""

import json
import struct

import numpy as np
from scipy.spatial.transform import Rotation

from rove_teleop.types import HAND_POINTS, SIDES

from .mocap_person import TREE, local_pose

BODY_SEGMENTS = (
    "hips hips hips spine spine head head right_clavicle right_upper_arm right_forearm right_hand left_clavicle "
    "left_upper_arm left_forearm left_hand hips hips hips hips hips hips hips hips"
).split()
FINGER_SEGMENTS = ["hand", "thumb_cmc", "thumb_mcp", "thumb_ip"] + [
    f"{finger}_{part}"
    for finger in ("index", "middle", "ring", "little")
    for part in ("metacarpal", "mcp", "pip", "dip")
]


def quat(turn):
    """w, x, y, z."""
    return np.roll(Rotation.from_matrix(turn).as_quat(), 1)


# Xsens MVN: z up, metres, every segment identity in the T-pose.


def xsens(joints, sample, character=0, props=0, fingers=True, split=None, unit=1.0):
    """The datagrams of one sample; ``split`` is the number of segments in each."""
    names = [*BODY_SEGMENTS, *["hips"] * props]
    for side in SIDES if fingers else ():
        names += [f"{side}_{name}" if "metacarpal" not in name else f"{side}_hand" for name in FINGER_SEGMENTS]
    items = [
        struct.pack(">I3f4f", k + 1, *(joints[name][0] / unit), *quat(joints[name][1])) for k, name in enumerate(names)
    ]
    split = split or len(items)
    groups = [items[k : k + split] for k in range(0, len(items), split)]
    result = []
    for k, group in enumerate(groups):
        payload = b"".join(group)
        part = k | (0x80 if k == len(groups) - 1 else 0)
        counts = (character, 23, props, 40 if fingers else 0, 0, len(payload))
        result.append(struct.pack(">6sIBBIBBBBHH", b"MXTP02", sample, part, len(group), 0, *counts) + payload)
    return result


# Unity: x right, y up, z forward, left-handed.


def unity_place(place):
    return np.array([-place[1], place[2], place[0]])


def unity_turn(turn):
    M = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    return M @ turn @ M.T


ROKOKO_ARM = {"upper_arm": "UpperArm", "forearm": "LowerArm", "hand": "Hand"}
ROKOKO_T_POSE = {  # w, x, y, z of the published plug-in's table
    "head": (0.0, 0.0, 0.0, -1.0),
    "leftHand": (-0.5, -0.5, -0.5, 0.5),
    "rightHand": (0.5, 0.5, -0.5, 0.5),
}


def rokoko_bones():
    bones = {"head": "head", "hip": "hips"}
    for side in SIDES:
        bones |= {f"{side}{word}": f"{side}_{part}" for part, word in ROKOKO_ARM.items()}
        words = [f"{f}{p}" for f in ("Thumb", "Index", "Middle", "Ring", "Little") for p in "PMDT"]
        long = {"P": "Proximal", "M": "Medial", "D": "Distal", "T": "Tip"}
        bones |= {f"{side}{w[:-1]}{long[w[-1]]}": f"{side}_{p}" for w, p in zip(words, HAND_POINTS[1:], strict=True)}
    return bones


def rokoko_actor(joints, name="Ann", gloves=True):
    body = {}
    for bone, joint in rokoko_bones().items():
        place, turn = joints[joint]
        rest = Rotation.from_quat(np.roll(ROKOKO_T_POSE.get(bone, (1.0, 0.0, 0.0, 0.0)), -1)).as_matrix()
        body[bone] = {
            "position": dict(zip("xyz", map(float, unity_place(place)), strict=True)),
            "rotation": dict(zip("wxyz", map(float, quat(unity_turn(turn) @ rest)), strict=True)),
        }
    meta = {"hasGloves": gloves, "hasLeftGlove": gloves, "hasRightGlove": gloves, "hasFace": False}
    return {"name": name, "color": [0, 0, 0], "meta": meta, "dimensions": {"totalHeight": 1.8}, "body": body}


def rokoko(actors, timestamp):
    scene = {"timestamp": timestamp, "actors": actors, "props": []}
    return json.dumps({"version": "3,0", "fps": 60, "scene": scene}).encode()


def osc_text(text):
    raw = text.encode() + b"\x00"
    return raw + b"\x00" * (-len(raw) % 4)


def osc(address, *values):
    types = "," + "".join("s" if isinstance(v, str) else "i" if isinstance(v, int) else "f" for v in values)
    body = b"".join(
        osc_text(v) if isinstance(v, str) else struct.pack(">" + t, v) for t, v in zip(types[1:], values, strict=True)
    )
    return osc_text(address) + osc_text(types) + body


def osc_bundle(messages):
    return b"#bundle\x00" + struct.pack(">Q", 1) + b"".join(struct.pack(">I", len(m)) + m for m in messages)


def vmc_bones(fingers=True):
    bones = {"Hips": "hips", "Spine": "spine", "Head": "head"}
    for side in SIDES:
        word = side.capitalize()
        bones |= {f"{word}Shoulder": f"{side}_clavicle", f"{word}UpperArm": f"{side}_upper_arm"}
        bones |= {f"{word}LowerArm": f"{side}_forearm", f"{word}Hand": f"{side}_hand"}
        for finger in ("thumb", "index", "middle", "ring", "little") if fingers else ():
            points = [name for name in HAND_POINTS if name.startswith(finger)]
            for bone, point in zip(("Proximal", "Intermediate", "Distal"), points, strict=False):
                bones[f"{word}{finger.capitalize()}{bone}"] = f"{side}_{point}"
    return bones


def vmc(joints, time_s, per_bundle=None, fingers=True, rest=None):
    """Datagrams of one frame: the time, then the bones. ``rest`` (3, 3) is how every bone lies in the T-pose."""
    local = local_pose(joints)
    messages = []
    for bone, joint in vmc_bones(fingers).items():
        place, turn = local[joint]
        place, turn = unity_place(place), unity_turn(turn)
        if rest is not None:  # axes of an original VRM 1 model: not those of the room
            above = np.eye(3) if TREE[joint][0] is None else rest
            place, turn = above.T @ place, above.T @ turn @ rest
        w, x, y, z = quat(turn)
        messages.append(osc("/VMC/Ext/Bone/Pos", bone, *map(float, place), float(x), float(y), float(z), float(w)))
    step = per_bundle or len(messages)
    bundles = [osc_bundle(messages[k : k + step]) for k in range(0, len(messages), step)]
    return [osc_bundle([osc("/VMC/Ext/OK", 1), osc("/VMC/Ext/T", float(time_s))]), *bundles]


# Noitom: y up, facing z, centimetres, rotations Y X Z in degrees.


def bvh_turn(turn):
    M = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    return M @ turn @ M.T


def noitom_joints():
    """Name of each joint in the stream's order and the person's joint it is (None: at its parent)."""
    result = [("Hips", "hips")] + [(f"{side}{leg}", None) for side in "RL" for leg in ("UpLeg", "Leg", "Foot")]
    result += [("Spine", "spine"), *((f"Spine{k}", None) for k in (1, 2, 3)), ("Neck", None), ("Head", "head")]
    for side in ("right", "left"):
        result += [(part, f"{side}_{part}") for part in ("clavicle", "upper_arm", "forearm", "hand")]
        result += [(part, f"{side}_{part}") for part in ("thumb_cmc", "thumb_mcp", "thumb_ip")]
        for finger in ("index", "middle", "ring", "little"):
            result += [("inhand", None), *((p, f"{side}_{finger}_{p}") for p in ("mcp", "pip", "dip"))]
    return result


def noitom_values(joints):
    """The 354 values of a row."""
    local, row = local_pose(joints), []
    for _, joint in noitom_joints():
        place, turn = local[joint] if joint else (np.zeros(3), np.eye(3))
        row += [100.0 * place[1], 100.0 * place[2], 100.0 * place[0]]
        row += list(Rotation.from_matrix(bvh_turn(turn)).as_euler("YXZ", degrees=True))
    return row


def noitom_binary(joints, number, avatar=0, reference=False):
    values = [0.0] * (6 * reference) + noitom_values(joints)
    header = struct.pack("<H4sHBBI32sIIIIH", 0xDDFF, b"\x00\x00\x01\x01", len(values), 1, int(reference), avatar,
                         b"Char00", number, 0, 0, 0, 0xEEFF)  # fmt: skip
    return header + np.array(values, dtype="<f4").tobytes()


def noitom_text(joints, avatar=0):
    return f"{avatar} Char00 {' '.join(f'{v:.4f}' for v in noitom_values(joints))} ||".encode()


# NatNet: little-endian; every message is id, length, payload.


def natnet_message(kind, payload):
    return struct.pack("<HH", kind, len(payload)) + payload


def natnet_server_info(version=(4, 1)):
    return natnet_message(1, b"Motive".ljust(256, b"\x00") + bytes([3, 1, 0, 0]) + bytes([*version, 0, 0]))


def natnet_bones():
    bones = {"Hip": "hips", "Ab": "spine", "Head": "head"}
    for side in SIDES:
        L = side[0].upper()
        bones |= {f"{L}Shoulder": f"{side}_clavicle", f"{L}UArm": f"{side}_upper_arm", f"{L}FArm": f"{side}_forearm"}
        bones[f"{L}Hand"] = f"{side}_hand"
        for finger, word in (
            ("thumb", "Thumb"),
            ("index", "Index"),
            ("middle", "Middle"),
            ("ring", "Ring"),
            ("little", "Pinky"),
        ):
            points = [name for name in HAND_POINTS if name.startswith(finger)]
            bones |= {f"{L}{word}{k + 1}": f"{side}_{point}" for k, point in enumerate(points[:3])}
    return bones


RIGID_BODIES = {"Left Hand": "left_hand", "Right Hand": "right_hand", "HMD": "head", "Table": "hips"}


def natnet_description(version=(4, 1), skeletons=("Ann",), bodies=RIGID_BODIES):
    def rigid_body(number, name):
        raw = name.encode() + b"\x00" + struct.pack("<ii3f", number, 0, 0.0, 0.0, 0.0)
        raw += struct.pack("<4f", 0.0, 0.0, 0.0, 1.0) if version >= (4, 2) else b""
        raw += struct.pack("<I", 1) + struct.pack("<3f", 0.0, 0.0, 0.0) + struct.pack("<I", 0)
        return raw + (b"marker\x00" if version >= (4, 0) else b"")

    sets = [(0, b"all\x00" + struct.pack("<I", 1) + b"marker\x00")]
    sets += [(1, rigid_body(100 + k, name)) for k, name in enumerate(bodies)]
    for number, name in enumerate(skeletons, start=1):
        bones = b"".join(rigid_body(k, f"{name}_{bone}") for k, bone in enumerate(natnet_bones(), start=1))
        sets.append((2, name.encode() + b"\x00" + struct.pack("<iI", number, len(natnet_bones())) + bones))
    payload = struct.pack("<I", len(sets))
    for kind, raw in sets:
        payload += struct.pack("<I", kind) + (struct.pack("<I", len(raw)) if version >= (4, 1) else b"") + raw
    return natnet_message(5, payload)


def natnet_frame(joints, number, version=(4, 1), up="y", skeletons=1, bodies=RIGID_BODIES, lost=()):
    """A frame with one marker set, one loose marker, the rigid bodies and the skeletons."""
    M = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # y up: x left, z forward
    if up == "z":
        M = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

    def rigid_body(number, joint):
        place, turn = joints[joint]
        w, x, y, z = quat(M @ turn @ M.T)
        return struct.pack("<i3f4ffH", number, *(M @ place), x, y, z, w, 0.001, int(joint not in lost))

    def listed(count, raw):
        return struct.pack("<I", count) + (struct.pack("<I", len(raw)) if version >= (4, 1) else b"") + raw

    bones = b"".join(rigid_body(k, joint) for k, joint in enumerate(natnet_bones().values(), start=1))
    skeleton_raw = b""
    for k in range(1, skeletons + 1):
        own = b"".join(rigid_body((k << 16) | n, j) for n, j in enumerate(natnet_bones().values(), start=1))
        skeleton_raw += struct.pack("<II", k, len(natnet_bones())) + own
    assert len(bones) == 38 * len(natnet_bones())
    body = struct.pack("<I", number)
    body += listed(1, b"all\x00" + struct.pack("<I", 1) + struct.pack("<3f", 0.1, 0.2, 0.3))
    body += listed(1, struct.pack("<3f", 0.1, 0.2, 0.3))
    body += listed(len(bodies), b"".join(rigid_body(100 + k, joint) for k, joint in enumerate(bodies.values())))
    body += listed(skeletons, skeleton_raw)
    if version >= (4, 1):
        body += listed(0, b"")  # assets
    body += listed(0, b"") * 3  # labelled markers, force plates, devices
    body += struct.pack("<IIdQQQ", 0, 0, number / 120.0, 0, 0, 0)
    body += struct.pack("<II", 0, 0) if version >= (4, 1) else b""
    return natnet_message(7, body + struct.pack("<HI", 0, 0))
