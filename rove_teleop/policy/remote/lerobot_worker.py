"""A LeRobot policy in LeRobot's own environment: a script of its own that needs nothing of this package.

Started as ``python lerobot_worker.py DESCRIPTOR FOLDER DEVICE``; DESCRIPTOR is an open Unix socket. Both sides send
frames: the length of a JSON header (4 bytes), the header, then the bytes of the arrays that it lists. No pickle.
"""

from __future__ import annotations

import json
import math
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

KINDS = "biuf"
MAX_HEADER_BYTES, MAX_ARRAY_BYTES = 2**20, 2**28


def send(connection: socket.socket, fields: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """One frame: ``fields`` as JSON, then ``arrays`` by name."""
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    header = json.dumps({"fields": fields, "arrays": listed}).encode()
    data = [np.ascontiguousarray(array).tobytes() for array in arrays.values()]
    connection.sendall(b"".join([struct.pack("<I", len(header)), header, *data]))


def receive(connection: socket.socket) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """The next frame.

    Raises:
        EOFError: the other side has gone, perhaps in the middle of it.
        ValueError: this is no frame.
    """
    (length,) = struct.unpack("<I", _exactly(connection, 4))
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(_exactly(connection, length))
    if not isinstance(header, dict) or not isinstance(header.get("fields"), dict):
        raise ValueError("a header without fields")
    arrays = {}
    for name, text, shape in header["arrays"]:
        dtype = np.dtype(text)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in KINDS or not (0 <= size <= MAX_ARRAY_BYTES):
            raise ValueError(f"an array {shape} of {dtype}")
        arrays[name] = np.frombuffer(_exactly(connection, size), dtype).reshape(shape)
    return header["fields"], arrays


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(min(count - len(data), 2**20))
        if not part:
            raise EOFError(f"the connection ended {count - len(data)} bytes early")
        data += part
    return bytes(data)


class Worker:
    """A pretrained policy with the processors that were saved with it."""

    def __init__(self, folder: str, device: str) -> None:
        import torch
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        self._torch, self._device = torch, device
        config = PreTrainedConfig.from_pretrained(folder, local_files_only=True)
        config.device = device
        self.config = config
        self.policy = get_policy_class(config.type).from_pretrained(folder, config=config, local_files_only=True)
        self._before, self._after = None, None
        if (Path(folder) / "policy_preprocessor.json").is_file():
            placed = {"device_processor": {"device": device}}
            self._before, self._after = make_pre_post_processors(
                config, pretrained_path=folder, preprocessor_overrides=placed
            )

    def describe(self) -> dict[str, Any]:
        """What the policy reads and writes, by LeRobot's names."""
        from lerobot import __version__

        inputs = {name: list(feature.shape) for name, feature in self.config.input_features.items()}
        (action,) = (list(feature.shape) for feature in self.config.output_features.values())
        chunk = getattr(self.config, "chunk_size", None) or getattr(self.config, "horizon", 1)
        return {
            "lerobot": __version__,
            "type": self.config.type,
            "inputs": inputs,
            "action": action,
            "horizon": int(chunk or 1),
            "execute": int(getattr(self.config, "n_action_steps", 1)),
        }

    def act(self, fields: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
        """A plan (h, d). Pictures come as (h, w, 3) bytes; LeRobot takes (1, 3, h, w) from 0 to 1."""
        torch = self._torch
        if fields.get("reset"):
            self.policy.reset()
        batch: dict[str, Any] = {"task": [str(fields.get("task", ""))]}
        for name, array in arrays.items():
            tensor = torch.from_numpy(array.copy())
            if array.dtype == np.uint8:
                tensor = tensor.permute(2, 0, 1).float() / 255.0
            batch[name] = tensor.float()[None].to(self._device)
        with torch.inference_mode():
            if self._before is not None:
                batch = self._before(batch)
            plan = self.policy.predict_action_chunk(batch)
            if self._after is not None:
                plan = torch.stack([self._after(plan[:, k]) for k in range(plan.shape[1])], dim=1)
        return np.asarray(plan[0].float().cpu().numpy())


def main(descriptor: str, folder: str, device: str) -> int:
    """Answer until the other side goes. What libraries print goes to the log."""
    connection = socket.socket(fileno=int(descriptor))
    os.dup2(2, 1)
    try:
        worker = Worker(folder, device)
        send(connection, worker.describe(), {})
        while True:
            fields, arrays = receive(connection)
            try:
                plan = worker.act(fields, arrays)
            except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                send(connection, {"error": f"{type(error).__name__}: {error}"}, {})
                continue
            send(connection, {}, {"actions": plan})
    except EOFError:
        return 0
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # The folder of this script is no place to import from: its neighbours have names that others have too.
    sys.path.pop(0)
    sys.exit(main(*sys.argv[1:]))
