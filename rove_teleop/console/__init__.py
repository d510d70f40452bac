"""The web pages of a session: who drives and why, on loopback, with buttons; and the headset's page, on TLS."""

from .app import create_app
from .bridge import COMMANDS, Frame, SessionBridge
from .headset_server import HeadsetServer
from .live import LiveSession
from .server import ConsoleServer, address_of, host_names, loopback_socket, serve_together

__all__ = [
    "COMMANDS",
    "ConsoleServer",
    "Frame",
    "HeadsetServer",
    "LiveSession",
    "SessionBridge",
    "address_of",
    "create_app",
    "host_names",
    "loopback_socket",
    "serve_together",
]
