"""Serving the headset's page: TLS on one address of the local network, with a code that only this user has."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from .bridge import SessionBridge
from .headset import LARGEST_MESSAGE, FrameSocket, create_headset_app
from .lan import headset_hosts, lan_addresses, lan_socket
from .server import ConsoleServer
from .tls import config_folder, headset_certificate, headset_code


class HeadsetServer(ConsoleServer):
    """Beside the console in one process and one loop; the frames of its page go to the Unix socket ``frames``.

    Raises:
        UsageError: the address or the port cannot be had, or the certificate cannot be kept.
    """

    def __init__(self, bridge: SessionBridge, host: str, port: int, frames: Path, on_ready: Callable[[], None]) -> None:
        self.listener: socket.socket = lan_socket(host, port)
        hosts = headset_hosts(self.listener)
        own = (self.listener.getsockname()[0], *lan_addresses())
        certificate, code = headset_certificate(config_folder(), own), headset_code(config_folder())
        self.url = f"https://{hosts[0]}/#{code}"
        self._frames = FrameSocket(frames)
        app = create_headset_app(bridge, hosts, code, self._frames)
        super().__init__(app, on_ready, certificate, LARGEST_MESSAGE, takes_signals=False)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().shutdown(sockets)
        finally:
            self._frames.close()
