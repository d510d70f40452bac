"""openpi's protocol, asked: a WebSocket that begins with the policy's description, then question and answer in turn."""

from __future__ import annotations

import os
import ssl
from contextlib import ExitStack
from math import inf
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ...errors import MessageRefused, PolicyUnavailable, UsageError
from ...robots.description import RobotDescription
from ...types import Array
from ..protocol import Observation
from .address import Address
from .encoding import MAX_MESSAGE_BYTES, pack, unpack_map
from .fit import Fit, fit
from .link import Message, Rows
from .names import VERSION, VERSION_KEY, numbers, question
from .pictures import resize_with_pad

TOKEN_VARIABLE = "ROVE_POLICY_TOKEN"


EXTRAS = ("rove/offset_s", "rove/embedding", "rove/value", "rove/valid_s")


class OpenpiLink:
    """A connection to openpi's server, to `rove serve-policy`, or to whatever else speaks as they do."""

    patience_s = hang_s = 10.0

    def __init__(self, address: Address, robot: RobotDescription) -> None:
        self.where = f"the policy server at {address.place}"
        self._address, self._robot = address, robot
        self._state_key = address.settings.get("state", "observation/state")
        self._ssl = _trusted(address)
        self._leave = ExitStack()
        self._connection: ClientConnection | None = None
        self._sequence = 0

    def connect(self) -> Message:
        """A new connection and what the server says on it first. Answers to earlier ones cannot come here."""
        token = os.environ.get(TOKEN_VARIABLE)
        try:
            connection = connect(
                self._address.place,
                ssl=self._ssl,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                open_timeout=self.patience_s / 2,
                close_timeout=0.2,
                # openpi's server does not answer pings while it computes: silence is judged by its answers alone.
                ping_interval=None,
                proxy=None,
                additional_headers={"Authorization": f"Api-Key {token}"} if token else None,
            )
            self._connection = self._leave.enter_context(connection)
            said = self._receive(self._connection, self.patience_s)
        except InvalidStatus as error:
            code = error.response.status_code
            hint = f" (set {TOKEN_VARIABLE})" if code in (401, 403) else ""
            raise PolicyUnavailable("refused by the server", f"{self.where} answers {code}{hint}") from error
        except (OSError, EOFError, WebSocketException) as error:
            raise PolicyUnavailable("no connection", f"{self.where} cannot be reached: {_cause(error)}") from error
        version = said.get(VERSION_KEY, VERSION)
        if not isinstance(version, int) or version != VERSION:
            sentence = f"{self.where} speaks version {version!r} of our names, and this is version {VERSION}"
            raise PolicyUnavailable("other version", sentence)
        return said

    def ask(self, question: Message, patience_s: float) -> Message:
        connection = self._connection
        if connection is None:
            raise PolicyUnavailable("no connection", f"{self.where} is not connected")
        self._sequence += 1
        try:
            connection.send(pack({**question, "rove/seq": self._sequence}))
            answer = self._receive(connection, patience_s)
        except TimeoutError as error:
            raise PolicyUnavailable("hangs", f"{self.where} has said nothing for {patience_s:g} s") from error
        except (OSError, EOFError, WebSocketException) as error:
            raise PolicyUnavailable("connection lost", f"{self.where}: {_cause(error)}") from error
        repeated = answer.get("rove/seq", self._sequence)
        if not isinstance(repeated, int) or repeated != self._sequence:
            sentence = f"{self.where} answers question {repeated!r}, asked was {self._sequence}"
            raise PolicyUnavailable("out of order", sentence)
        return answer

    def close(self) -> None:
        self._connection = None
        self._leave.close()

    def interrupt(self) -> None:
        connection = self._connection
        if connection is not None:
            connection.close()

    def fit(self, description: Message) -> Fit:
        return fit(self._robot, self._address, description, self.where)

    def question(self, observation: Observation, fit: Fit, seed: int | None) -> Message:
        asked = question(observation, fit, fit.joint_index(self._robot), self._state_key)
        for ours, theirs in fit.cameras:
            picture = observation.images.get(ours)
            if picture is None:
                raise MessageRefused("no image", f"there is no picture of camera '{ours}'")
            asked[theirs if "/" in theirs else f"observation/images/{theirs}"] = (
                resize_with_pad(picture, fit.image_size) if fit.image_size else picture
            )
        if seed is not None:
            asked["rove/reset"] = seed
        return asked

    def rows(self, answer: Message, fit: Fit) -> Rows:
        offset_s, embedding, value, valid_s = (_said(answer, key) for key in EXTRAS)
        return Rows(
            numbers(answer.get("actions"), "actions"),
            offset_s,
            None if embedding is None else embedding.ravel(),
            None if value is None else float(value),
            inf if valid_s is None else float(valid_s),
        )

    def _receive(self, connection: ClientConnection, patience_s: float) -> dict[Any, Any]:
        data = connection.recv(timeout=patience_s)
        if isinstance(data, str):
            words = data.strip().splitlines() or ["nothing more"]
            raise PolicyUnavailable("error of the server", f"{self.where} reports: {words[-1][:300]}")
        return unpack_map(data)


def _said(answer: Message, key: str) -> Array | None:
    """What the server may say beside its plan: numbers, single ones where one is meant; else `MessageRefused`."""
    if key not in answer:
        return None
    value = numbers(answer[key], key)
    if key in EXTRAS[2:] and (value.ndim or not np.isfinite(value)):
        raise MessageRefused("wrong shape", f"'{key}' is {value}, not a number")
    return value


def _trusted(address: Address) -> ssl.SSLContext | None:
    if address.scheme != "wss":
        return None
    try:
        return ssl.create_default_context(cafile=address.settings.get("ca"))
    except OSError as error:
        raise UsageError(f"policy {address.place}: ca={address.settings['ca']} cannot be read ({error})") from error


def _cause(error: Exception) -> str:
    if isinstance(error, ConnectionClosed):
        return "it went away" if error.rcvd is None else f"it closed the connection ({error.rcvd.code})"
    return str(error) or type(error).__name__
