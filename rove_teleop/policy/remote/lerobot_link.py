"""LeRobot's policies through a worker in LeRobot's own environment: ``lerobot:/path/to/python?path=FOLDER``."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CheckpointInvalid, MessageRefused, PolicyUnavailable, UsageError
from ...robots.description import RobotDescription
from ..protocol import Observation
from . import lerobot_worker
from .address import Address
from .fit import Fit, fit
from .link import Message, Rows
from .names import numbers

STATE, IMAGES = "observation.state", "observation.images."


class LerobotLink:
    """Starts the worker at every connection, so that a worker that died or hangs is replaced."""

    patience_s = 120.0
    """Importing torch and LeRobot takes seconds, weights of gigabytes more."""
    hang_s = 60.0
    """A first plan may compile for long, and a new worker would begin again."""

    def __init__(self, address: Address, robot: RobotDescription) -> None:
        self.where = f"the LeRobot policy in {address.settings.get('path', '')}"
        self._robot, self._address = robot, address
        if not Path(address.place).is_file():
            raise UsageError(f"lerobot:{address.place}: that is no Python (the one of LeRobot's environment)")
        self._folder = Path(address.settings.get("path", ""))
        if not (self._folder / "config.json").is_file():
            raise UsageError(f"lerobot:{address.place}: path={self._folder} is no folder with a LeRobot policy")
        self._worker: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._inputs: dict[str, list[int]] = {}

    def connect(self) -> Message:
        """A new worker, and what its policy reads and writes."""
        ours, theirs = socket.socketpair()
        script, device = lerobot_worker.__file__, self._address.settings.get("device", "cpu")
        command = [self._address.place, script, str(theirs.fileno()), str(self._folder), device]
        try:
            self._worker = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        except OSError as error:
            ours.close()
            raise PolicyUnavailable("no worker", f"{self._address.place} does not start: {error}") from error
        finally:
            theirs.close()
        self._socket = ours
        try:
            said, _ = self._receive(self.patience_s, "it did not load")
        except PolicyUnavailable as error:
            if error.reason != "worker died":
                raise
            # Another attempt would end the same way.
            sentence = f"{self.where} does not load in {self._address.place}; its own words stand above this line"
            raise CheckpointInvalid(sentence) from error
        return said

    def ask(self, question: Message, patience_s: float) -> Message:
        if self._socket is None:
            raise PolicyUnavailable("no worker", f"{self.where} has no worker")
        try:
            self._socket.settimeout(patience_s)
            lerobot_worker.send(self._socket, question["fields"], question["arrays"])
        except OSError as error:
            raise PolicyUnavailable("worker died", f"{self.where}: its worker is gone ({error})") from error
        fields, arrays = self._receive(patience_s, "its worker is gone")
        if "error" in fields:
            raise MessageRefused("error of the policy", str(fields["error"])[:300])
        return arrays

    def close(self) -> None:
        worker, connection = self._worker, self._socket
        self._worker = self._socket = None
        if connection is not None:
            connection.close()
        if worker is not None:
            worker.kill()
            worker.wait()

    def interrupt(self) -> None:
        worker = self._worker
        if worker is not None:
            worker.kill()

    def fit(self, description: Message) -> Fit:
        """LeRobot's checkpoints know sizes and no names: joints are the robot's, unless the address says which."""
        size, inputs = description.get("action"), description.get("inputs")
        if not isinstance(inputs, dict) or not isinstance(size, list):
            raise CheckpointInvalid(f"{self.where} does not say what it reads and writes")
        cameras = [name.removeprefix(IMAGES) for name in inputs if name.startswith(IMAGES)]
        said: dict[str, Any] = {key: description.get(key) for key in ("horizon", "execute")} | {"cameras": cameras}
        said["policy"] = f"lerobot {description.get('lerobot')} {description.get('type')}"
        if "joints" not in self._address.settings:
            said["joint_names"] = list(self._robot.joint_names)
        found = fit(self._robot, self._address, said, self.where)
        joints = len(found.joint_names)
        for name, shape in (("action", size), (STATE, inputs.get(STATE))):
            if shape != [joints]:
                raise CheckpointInvalid(
                    f"{self.where} has '{name}' of shape {shape}, but these are {joints} joints: "
                    f"{', '.join(found.joint_names)} (choose with joints=GROUP_OR_JOINT,...)"
                )
        unknown = sorted(set(cameras) - {theirs for _, theirs in found.cameras})
        if unknown:
            raise CheckpointInvalid(f"{self.where} looks at cameras {unknown}: add cameras=OURS:THEIRS,...")
        self._inputs = inputs
        return found

    def question(self, observation: Observation, fit: Fit, seed: int | None) -> Message:
        state = observation.q_measured_rad[fit.joint_index(self._robot)].astype(np.float32)
        arrays: dict[str, Any] = {STATE: state}
        for ours, theirs in fit.cameras:
            picture, name = observation.images.get(ours), IMAGES + theirs
            wanted = self._inputs.get(name)
            if picture is None:
                raise MessageRefused("no image", f"there is no picture of camera '{ours}'")
            if wanted is not None and wanted != [3, *picture.shape[:2]]:
                sizes = (
                    f"{picture.shape[1]} x {picture.shape[0]}, the policy was trained with {wanted[2]} x {wanted[1]}"
                )
                raise MessageRefused("wrong image size", f"camera '{ours}' is {sizes}")
            arrays[name] = picture
        return {"fields": {"task": observation.instruction, "reset": seed is not None}, "arrays": arrays}

    def rows(self, answer: Message, fit: Fit) -> Rows:
        return Rows(numbers(answer.get("actions"), "actions"))

    def _receive(self, patience_s: float, otherwise: str) -> tuple[dict[str, Any], dict[str, Any]]:
        connection = self._socket
        if connection is None:
            raise PolicyUnavailable("no worker", f"{self.where} has no worker")
        try:
            connection.settimeout(patience_s)
            return lerobot_worker.receive(connection)
        except TimeoutError as error:
            raise PolicyUnavailable("hangs", f"{self.where} has said nothing for {patience_s:g} s") from error
        except (OSError, EOFError) as error:
            raise PolicyUnavailable("worker died", f"{self.where}: {otherwise} ({error})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise PolicyUnavailable("not decodable", f"{self.where} sends no frames: {error}") from error
