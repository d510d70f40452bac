"""GR00T's server: ZeroMQ, msgpack, arrays as NumPy files; its keys are our joint groups, as in ``zmq://host:5555?hz=20``."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import CheckpointInvalid, MessageRefused, MissingDependency, PolicyUnavailable
from ...robots.description import RobotDescription
from ..protocol import Observation
from .address import Address
from .encoding import MAX_MESSAGE_BYTES
from .fit import Fit, fit
from .groot_encoding import pack, unpack
from .link import Message, Rows
from .names import numbers
from .openpi import TOKEN_VARIABLE
from .pictures import resize_with_pad

LOOK_MS = 100
"""How often a waiting thread looks whether it should stop: a socket of ZeroMQ is closed by its own thread only."""


class GrootLink:
    """REQ and REP: after a question without an answer the socket is thrown away, and its answer with it."""

    patience_s = hang_s = 10.0

    def __init__(self, address: Address, robot: RobotDescription) -> None:
        try:
            import zmq
        except ModuleNotFoundError as error:
            raise MissingDependency("zmq:// needs the package pyzmq: pip install 'rove_teleop[gr00t]'") from error
        self.where = f"GR00T's server at {address.place}"
        self._zmq, self._robot, self._address = zmq, robot, address
        self._place = address.place.replace("zmq://", "tcp://", 1).rstrip("/")
        self._socket: Any = None
        self._leave = threading.Event()
        self._groups: tuple[tuple[str, int], ...] = ()
        self._language = "task"

    def connect(self) -> Message:
        """A new socket, and the modalities that the policy names."""
        zmq = self._zmq
        self.close()
        self._socket = zmq.Context.instance().socket(zmq.REQ)
        for option, value in ((zmq.LINGER, 0), (zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES), (zmq.IMMEDIATE, 1)):
            self._socket.setsockopt(option, value)
        self._socket.setsockopt(zmq.SNDTIMEO, 1000)
        self._socket.connect(self._place)
        said = self._call("get_modality_config", None, self.patience_s / 2)
        if not isinstance(said, dict):
            raise MessageRefused("not decodable", f"{self.where} says {type(said).__name__} of its modalities")
        return said

    def ask(self, question: Message, patience_s: float) -> Message:
        if question["reset"]:
            self._call("reset", {"options": None}, patience_s)
        answer = self._call("get_action", {"observation": question["observation"], "options": None}, patience_s)
        if not isinstance(answer, list) or not answer or not isinstance(answer[0], dict):
            raise MessageRefused("wrong shape", f"it answers {type(answer).__name__}, not [action, info]")
        return answer[0]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close(linger=0)
        self._socket = None

    def interrupt(self) -> None:
        self._leave.set()

    def fit(self, description: Message) -> Fit:
        """GR00T's keys are our joint groups, or are said to be with ``groups=THEIRS:OURS``."""
        actions, video = _keys(description, "action"), _keys(description, "video")
        states = _keys(description, "state")
        language = _keys(description, "language")
        ours = self._address.pairs("groups")
        groups = [ours.get(key, key) for key in actions]
        unknown = [key for key, group in zip(actions, groups, strict=True) if group not in self._robot.groups]
        if unknown or set(states) != set(actions):
            raise CheckpointInvalid(
                f"{self.where} reads {states} and moves {actions}, but robot '{self._robot.name}' has groups "
                f"{list(self._robot.groups)}: add groups=THEIRS:OURS,..."
            )
        self._groups = tuple((key, len(self._robot.groups[group])) for key, group in zip(actions, groups, strict=True))
        self._language = language[0] if language else "task"
        joints = [self._robot.joint_names[i] for group in groups for i in self._robot.groups[group]]
        said: dict[str, Any] = {"policy": "gr00t", "joint_names": joints, "cameras": list(video)}
        steps = _config(description, "action").get("delta_indices")
        if isinstance(steps, list) and steps:
            said["horizon"] = len(steps)
        return fit(self._robot, self._address, said, self.where)

    def question(self, observation: Observation, fit: Fit, seed: int | None) -> Message:
        measured = observation.q_measured_rad[fit.joint_index(self._robot)].astype(np.float32)
        state, start = {}, 0
        for key, count in self._groups:
            state[key] = measured[None, None, start : start + count]
            start += count
        video = {}
        for ours, theirs in fit.cameras:
            picture = observation.images.get(ours)
            if picture is None:
                raise MessageRefused("no image", f"there is no picture of camera '{ours}'")
            sized = resize_with_pad(picture, fit.image_size) if fit.image_size else picture
            video[theirs] = sized[None, None]
        asked = {"video": video, "state": state, "language": {self._language: [[observation.instruction]]}}
        return {"observation": asked, "reset": seed is not None}

    def rows(self, answer: Message, fit: Fit) -> Rows:
        parts = []
        for key, count in self._groups:
            part = numbers(answer.get(key), key)
            if part.ndim != 3 or part.shape[0] != 1 or part.shape[2] != count:
                raise MessageRefused("wrong shape", f"'{key}' has shape {part.shape}, not (1, rows, {count})")
            parts.append(part[0])
        if len({len(part) for part in parts}) != 1:
            raise MessageRefused("wrong shape", f"its groups have {[len(part) for part in parts]} rows")
        return Rows(np.concatenate(parts, axis=1))

    def _call(self, endpoint: str, data: Mapping[str, Any] | None, patience_s: float) -> Any:
        zmq, socket, token = self._zmq, self._socket, os.environ.get(TOKEN_VARIABLE)
        request = {"endpoint": endpoint, **({} if data is None else {"data": data})}
        try:
            socket.send(pack({**request, "api_token": token} if token else request))
            for _ in range(max(1, int(1e3 * patience_s / LOOK_MS))):
                if self._leave.is_set():
                    raise PolicyUnavailable("closed", f"{self.where} was left")
                if socket.poll(LOOK_MS):
                    return self._reply(socket.recv())
        except zmq.ZMQError as error:
            raise PolicyUnavailable("no connection", f"{self.where} cannot be reached: {error}") from error
        raise PolicyUnavailable("hangs", f"{self.where} did not answer '{endpoint}' within {patience_s:g} s")

    def _reply(self, data: bytes) -> Any:
        if data == b"ERROR":
            raise MessageRefused("error of the server", "it reports an error")
        reply = unpack(data)
        if isinstance(reply, dict) and "error" in reply:
            raise MessageRefused("error of the server", f"it reports: {str(reply['error'])[:300]}")
        return reply


def _config(description: Message, modality: str) -> Mapping[str, Any]:
    said = description.get(modality)
    return said if isinstance(said, dict) else {}


def _keys(description: Message, modality: str) -> tuple[str, ...]:
    keys = _config(description, modality).get("modality_keys", ())
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys):
        raise CheckpointInvalid(f"GR00T's server names its {modality} {keys!r}, which are no names")
    return tuple(keys)
