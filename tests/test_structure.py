"""The directions of imports: who may know whom, read from the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "rove_teleop"
FILES = sorted(PACKAGE.rglob("*.py"))
GROUND_FLOOR = {"types", "clock", "geometry", "errors", "config", "compiled"}
STAGES = {
    "tracking", "retargeting", "policy", "failure", "handover", "command_filter", "robot_io", "episodes", "models",
    "training", "exchange",
}  # fmt: skip
# A stage may use these besides the ground floor: the robot's numbers, and the networks that policy and training share.
SHARED = {"robots": STAGES | {"sim"}, "models": {"policy", "training"}, "episodes": {"exchange"}}
UPSTAIRS = {"nodes", "console", "cli"}
# Rooms that only these import: what trainers of other projects read must not shape what we do; rounds wire everything.
ONLY_FOR = {"exchange": {"cli"}, "rounds": {"cli"}}
# Third-party packages that may be imported only in these rooms (a name with a dot is one module).
CONFINED = {
    "rclpy": {"nodes", "robot_io"},
    "fastapi": {"console"},
    "uvicorn": {"console", "nodes"},
    "torch": {"models", "training", "policy.local", "policy.remote.lerobot_worker"},
    "lerobot": {"policy.remote.lerobot_worker"},
    "msgpack": {"policy.remote"},
    "zmq": {"policy.remote.groot"},
    "zarr": {"episodes", "exchange"},
    "numba": {"compiled"},
    "xr": {"tracking.openxr"},
    "matplotlib": {"plots"},
    "mujoco": {"sim", "robots"},
    "pyarrow": {"exchange"},
    "av": {"exchange", "episodes", "people.videos"},
    "h5py": {"tracking.readers.egodex"},
    "obstore": {"remote"},
    "rosbags": {"exchange"},
    "tensorboardX": {"rounds.curves"},
    "ray": {"rounds.ray_workers"},
    "time": {"clock"},
    "pickle": set(),
}


def room(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path: Path):
    """Yield (line, absolute module name) of every import, relative ones resolved."""
    package = ["rove_teleop", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


def inside(place: str, rooms: set[str]) -> bool:
    return any(place == name or place.startswith(name + ".") for name in rooms)


@pytest.mark.parametrize("path", FILES, ids=room)
def test_imports_follow_the_house(path):
    place = room(path)
    top = place.split(".")[0]
    wrong = []
    for line, name in imports(path):
        parts = name.split(".")
        allowed = CONFINED.get(parts[0])
        if allowed is not None and not inside(place, allowed):
            wrong.append(f"{place}:{line} imports {parts[0]}, which belongs to {sorted(allowed) or 'nobody'}")
        if parts[0] != "rove_teleop" or len(parts) < 2:
            continue
        other = parts[1]
        if top in GROUND_FLOOR and other not in GROUND_FLOOR:
            wrong.append(f"{place}:{line}: the ground floor imports {other}")
        if top in STAGES and other != top and other not in GROUND_FLOOR and top not in SHARED.get(other, set()):
            wrong.append(f"{place}:{line}: stage {top} knows {other}")
        if other in ONLY_FOR and top not in ONLY_FOR[other] | {other}:
            wrong.append(f"{place}:{line}: {top} imports {other}, which is only for {sorted(ONLY_FOR[other])}")
        if other in UPSTAIRS and not inside(place, UPSTAIRS | {"sessions.collection"}):
            wrong.append(f"{place}:{line}: {top} imports {other}, which stands above it")
    assert not wrong, "\n".join(wrong)


def test_ground_floor_needs_only_numpy_and_yaml():
    standard = {"__future__", "math", "pathlib", "dataclasses", "enum", "typing", "time", "collections", "re"}
    for name in GROUND_FLOOR - {"compiled"}:
        for line, module in imports(PACKAGE / f"{name}.py"):
            first = module.split(".")[0]
            assert first in standard | {"numpy", "yaml", "rove_teleop"}, f"{name}.py:{line} imports {module}"


def test_the_rule_itself_can_fail(tmp_path):
    assert not inside("control_loop", CONFINED["torch"])
    assert inside("policy.local", CONFINED["torch"])
    assert not inside("policy.chunk", CONFINED["torch"])
