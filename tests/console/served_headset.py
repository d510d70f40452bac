"""A real headset page on a real TLS port, with a real Unix socket where its frames arrive."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from rove_teleop.console import HeadsetServer
from rove_teleop.console.headset import PROTOCOL
from rove_teleop.tracking.webxr import FRAME_DTYPE

from .served import TableSession

FRAME_BYTES = FRAME_DTYPE.itemsize


class Page:
    """One WebSocket in a loop of its own. (The client with threads reads and writes one TLS connection at once.)"""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: ClientConnection) -> None:
        self._loop, self._connection = loop, connection

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    def send(self, message: str | bytes) -> None:
        self._loop.run_until_complete(self._connection.send(message))

    def recv(self) -> str | bytes:
        """The next message; TimeoutError after 5 s."""
        return self._loop.run_until_complete(asyncio.wait_for(self._connection.recv(), 5))

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())


async def _open(url: str, settings: dict[str, object]) -> ClientConnection:
    return await connect(url, **settings)


@dataclass(frozen=True)
class ServedHeadset:
    session: TableSession
    host: str
    code: str
    trust: ssl.SSLContext
    operator: socket.socket
    """What the operator's process would read."""

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    @contextmanager
    def headset(self, code: str | None = None, **options: object) -> Iterator[Page]:
        """A page's WebSocket, as our page opens it."""
        settings: dict[str, object] = {
            "origin": self.url,
            "subprotocols": [PROTOCOL, self.code if code is None else code],
            "ssl": self.trust,
            "open_timeout": 5,
            **options,
        }
        with closing(asyncio.new_event_loop()) as loop:
            page = Page(loop, loop.run_until_complete(_open(f"wss://{self.host}/headset", settings)))
            try:
                yield page
            finally:
                page.close()

    def arrived(self) -> list[bytes]:
        """Frames that the operator's process has not read yet."""
        found = []
        while True:
            try:
                found.append(self.operator.recv(65_535))
            except BlockingIOError:
                return found


@contextmanager
def served_headset(folder: Path) -> Iterator[ServedHeadset]:
    """Serve until the block ends; a server that does not end within 5 s is a failure."""
    frames = folder / "headset.sock"
    operator = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    operator.bind(str(frames))
    operator.setblocking(False)
    session, ready = TableSession(), threading.Event()
    server = HeadsetServer(session, "127.0.0.1", 0, frames, ready.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[server.listener])))
    thread.start()
    try:
        if not ready.wait(5):
            raise TimeoutError("the headset's page is not served")
        host, _, code = server.url.removeprefix("https://").partition("/#")
        trust = ssl.create_default_context(cafile=folder / "rove_teleop" / "headset.pem")
        yield ServedHeadset(session, host, code, trust, operator)
    finally:
        server.should_exit = True
        thread.join(5)
        operator.close()
        if thread.is_alive():
            raise TimeoutError("the headset's server does not end")
