"""Serving the console: a loopback socket, and servers that say when they listen and end together."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from ..errors import UsageError


def loopback_socket(host: str, port: int) -> socket.socket:
    """A bound TCP socket on a loopback address; port 0 takes a free one.

    Raises:
        UsageError: the host is not loopback (the console has neither TLS nor tokens), or the port is taken.
    """
    return listen_on(str(_loopback_address(host)), port, f"--port {port}: the console cannot listen on {host}")


def listen_on(address: str, port: int, refusal: str) -> socket.socket:
    """A bound TCP socket on an IP address.

    Raises:
        UsageError: ``refusal``, and why.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"{refusal} ({error})") from error
    return listener


def _loopback_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UsageError(f"--host {host}: give a loopback address such as 127.0.0.1 or ::1") from error
    if not address.is_loopback:
        raise UsageError(
            f"--host {host}: the console commands a robot and has no TLS and no tokens, so it listens on loopback "
            "only; reach it from another machine with `ssh -L 8080:127.0.0.1:8080`"
        )
    return address


def host_names(listener: socket.socket) -> tuple[str, ...]:
    """What a browser on this machine may have in its address bar for this socket, as ``name:port``."""
    address, port = listener.getsockname()[:2]
    names = ("localhost", f"[{address}]" if listener.family == socket.AF_INET6 else address)
    with_port = tuple(f"{name}:{port}" for name in names)
    return with_port + names if port == 80 else with_port


def address_of(listener: socket.socket) -> str:
    """The address to open in a browser."""
    return f"http://{host_names(listener)[1]}"


class _WebSocket(WebSocketsSansIOProtocol):
    """uvicorn's, which cannot end while a page is just leaving: the server then ended with a traceback, half done."""

    def shutdown(self) -> None:
        # Where both have said goodbye only TLS is still open, and that is closing.
        with suppress(InvalidState):
            super().shutdown()


class ConsoleServer(uvicorn.Server):
    """uvicorn with small limits, silent unless something is wrong, that calls ``on_ready`` when it listens.

    With a ``certificate`` (PEM file with key and certificate) it speaks TLS only.
    """

    def __init__(
        self,
        app: FastAPI,
        on_ready: Callable[[], None],
        certificate: Path | None = None,
        largest_message: int = 1024,
        takes_signals: bool = True,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws=_WebSocket,
                ws_max_size=largest_message,
                ws_max_queue=4,
                ws_per_message_deflate=False,
                limit_concurrency=64,
                h11_max_incomplete_event_size=16_384,
                timeout_graceful_shutdown=1,
                ssl_certfile=certificate,
            )
        )
        self._on_ready = on_ready
        self._takes_signals = takes_signals

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # Two servers in one loop would each restore the handlers of the other.
        with super().capture_signals() if self._takes_signals else nullcontext():
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


async def serve_together(*servers: tuple[ConsoleServer, socket.socket]) -> None:
    """Serve until one server ends, by a signal or otherwise; then all end. At most one of them takes signals."""

    async def serve(server: ConsoleServer, listener: socket.socket) -> None:
        try:
            await server.serve(sockets=[listener])
        finally:
            for other, _ in servers:
                other.should_exit = True

    await asyncio.gather(*(serve(server, listener) for server, listener in servers))
