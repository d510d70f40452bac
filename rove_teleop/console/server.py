"""Serving the console: a loopback socket, and a server that says when it listens."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from ..errors import UsageError


def loopback_socket(host: str, port: int) -> socket.socket:
    """A bound TCP socket on a loopback address; port 0 takes a free one.

    Raises:
        UsageError: the host is not loopback (the console has neither TLS nor tokens), or the port is taken.
    """
    address = _loopback_address(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"--port {port}: the console cannot listen on {host} ({error})") from error
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


class ConsoleServer(uvicorn.Server):
    """uvicorn with small limits, silent unless something is wrong, that calls ``on_ready`` when it listens."""

    def __init__(self, app: FastAPI, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="websockets-sansio",
                ws_max_size=1024,
                ws_max_queue=4,
                ws_per_message_deflate=False,
                limit_concurrency=64,
                h11_max_incomplete_event_size=16_384,
                timeout_graceful_shutdown=1,
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()
