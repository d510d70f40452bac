"""A real console on a real port, with a control made of one table behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rove_teleop.clock import monotonic_s
from rove_teleop.console import ConsoleServer, LiveSession, create_app, host_names, loopback_socket
from rove_teleop.errors import StageLost

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(200)) + b"\xff\xd9"


class TableSession(LiveSession):
    """Allows what ``allowed`` holds; ``silent`` makes it a control that does not answer."""

    def __init__(self) -> None:
        super().__init__(["ego"])
        self.allowed = {"pause"}
        self.silent = False
        self.asked: list[str] = []

    def say(self, **status: object) -> None:
        self.take_status(json.dumps(status), monotonic_s())

    def command(self, name: str) -> tuple[bool, str]:
        if self.silent:
            raise StageLost(f"control did not answer '{name}' within 1 s")
        self.asked.append(name)
        return (True, "") if name in self.allowed else (False, f"'{name}' is not possible in state idle")


@dataclass(frozen=True)
class Served:
    session: TableSession
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def page(self) -> dict[str, str]:
        """The headers that our own page sends with a command."""
        return {"Origin": self.url, "X-Rove": "1"}


@contextmanager
def served_console() -> Iterator[Served]:
    """Serve until the block ends; a server that does not end within 5 s is a failure."""
    listener = loopback_socket("127.0.0.1", 0)
    session = TableSession()
    ready = threading.Event()
    server = ConsoleServer(create_app(session, host_names(listener)), ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        if not ready.wait(5):
            raise TimeoutError("the console does not listen")
        yield Served(session, host_names(listener)[1])
    finally:
        server.should_exit = True
        thread.join(5)
        if thread.is_alive():
            raise TimeoutError("the console does not end")
