"""The launch file against stand-ins for ``launch``, which is on no package index: every node knows its command."""

from __future__ import annotations

import argparse
import ast
import importlib
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "launch" / "collection.launch.py"


@dataclass
class Recorded:
    """Keeps what a launch class was made of."""

    arguments: tuple
    keywords: dict[str, Any]


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def record(*arguments: object, **keywords: object) -> Recorded:
        return Recorded(arguments, keywords)

    for module, names in {
        "launch": ("LaunchDescription",),
        "launch.actions": ("DeclareLaunchArgument", "ExecuteProcess"),
        "launch.substitutions": ("LaunchConfiguration",),
    }.items():
        fake = ModuleType(module)
        for name in names:
            setattr(fake, name, record)
        monkeypatch.setitem(sys.modules, module, fake)
    return runpy.run_path(str(FILE))


def test_it_imports_only_launch_and_the_standard_library() -> None:
    tree = ast.parse(FILE.read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)} | {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    assert {name.split(".")[0] for name in imported if name} <= {"launch", "launch_ros", "sys"}


def test_every_node_is_one_process_and_every_argument_is_declared(launch: dict[str, Any]) -> None:
    actions = launch["generate_launch_description"]().arguments[0]
    declared = {action.arguments[0] for action in actions if "default_value" in action.keywords}
    assert declared == set(launch["ARGUMENTS"])
    processes = [action for action in actions if "cmd" in action.keywords]
    assert [process.keywords["name"] for process in processes] == list(launch["NODES"])
    used = {
        part.arguments[0]
        for process in processes
        for word in process.keywords["cmd"]
        for part in word
        if isinstance(part, Recorded)
    }
    assert used == declared


def test_the_default_commands_name_modules_that_exist(launch: dict[str, Any]) -> None:
    for module, arguments in launch["NODES"].items():
        words = launch["command_of"](module, arguments, lambda name: launch["ARGUMENTS"][name][0])
        command = ["".join(word) for word in words]
        assert command[:2] == [sys.executable, "-m"]
        assert importlib.util.find_spec(command[2]) is not None, command[2]
        assert not any("{" in word or "}" in word for word in command)


@pytest.mark.parametrize("module", ["sim_robot", "sim_camera", "policy", "operator", "control", "console"])
def test_the_nodes_accept_their_commands(launch: dict[str, Any], module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse the command line for real, and stop before the node starts."""
    pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")
    words = launch["command_of"](module, launch["NODES"][module], lambda name: launch["ARGUMENTS"][name][0])
    node = importlib.import_module(f"rove_teleop.nodes.{module}")
    arguments = ["".join(word) for word in words[3:]]
    if hasattr(node, "parse_arguments"):
        assert vars(node.parse_arguments(arguments))
    else:
        parser: argparse.ArgumentParser = node.parser()
        assert vars(parser.parse_args(arguments))
