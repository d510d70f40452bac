"""``ros2 launch launch/collection.launch.py task:=toaster``: the nodes of a session for people who live in ROS 2.

The nodes are started as ``python -m rove_teleop.nodes.<name>``, so that no colcon package is needed. Recording and the
order of episodes belong to ``rove collect``, which starts the same nodes itself.
"""

import sys

from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription

ARGUMENTS = {
    "robot": ("iron_r01", "name or folder of the robot"),
    "task": ("toaster", "toaster or whiteboard"),
    "cameras": ("ego", "cameras of the simulation, with commas between"),
    "operator": ("simulated", "simulated, replay:FILE or none"),
    "takeover": ("anchored", "aligned, anchored or blend"),
    "console_port": ("8080", "port of the console on 127.0.0.1"),
}
"""Launch arguments: default and meaning."""

NODES = {
    "sim_robot": ("--autostart", "--robot={robot}", "--task={task}"),
    "sim_camera": ("--robot={robot}", "--task={task}", "--cameras={cameras}"),
    "policy": ("--robot={robot}", "--task={task}"),
    "operator": ("--robot={robot}", "--task={task}", "--operator={operator}", "--takeover={takeover}"),
    "control": ("--robot={robot}", "--takeover={takeover}"),
    "console": ("--port={console_port}", "--cameras={cameras}"),
}
"""Module under ``rove_teleop.nodes`` and its command line; ``{name}`` stands for a launch argument."""


def command_of(module, arguments, value_of):
    """The command of one node: a list of words, each a list of parts (text, or what ``value_of(argument)`` returns)."""
    words = [[sys.executable], ["-m"], [f"rove_teleop.nodes.{module}"]]
    for argument in arguments:
        option, _, name = argument.partition("={")
        words.append([f"{option}=", value_of(name.rstrip("}"))] if name else [option])
    return words


def generate_launch_description():
    """One process per node; Ctrl-C ends them all."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=meaning)
        for name, (default, meaning) in ARGUMENTS.items()
    ]
    processes = [
        ExecuteProcess(cmd=command_of(module, arguments, LaunchConfiguration), name=module, output="screen")
        for module, arguments in NODES.items()
    ]
    return LaunchDescription(declared + processes)
