"""The web page of a session: who drives and why, on loopback, for one glance and a few buttons."""

from .app import create_app
from .bridge import COMMANDS, Frame, SessionBridge
from .live import LiveSession
from .server import ConsoleServer, address_of, host_names, loopback_socket

__all__ = [
    "COMMANDS",
    "ConsoleServer",
    "Frame",
    "LiveSession",
    "SessionBridge",
    "address_of",
    "create_app",
    "host_names",
    "loopback_socket",
]
