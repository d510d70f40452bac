"""Where a headset on the local network reaches this machine: one address, never all of them."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

from ..errors import UsageError
from .server import listen_on

_GET_INTERFACE_ADDRESS = 0x8915
_SOMEWHERE_ELSE = ("198.51.100.1", 9)
"""A documentation address: asking for the way there sends nothing."""


def lan_addresses() -> tuple[str, ...]:
    """IPv4 addresses of this machine's interfaces, loopback left out."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(any_socket, _GET_INTERFACE_ADDRESS, request)
            except OSError:  # this interface has no address
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    return tuple(address for address in found if not ipaddress.ip_address(address).is_loopback)


def headset_address(host: str) -> str:
    """The one address to listen on: ``host`` when given, else the private one that leads to the network.

    Raises:
        UsageError: every interface at once is asked for, or there is no choice or more than one.
    """
    if host:
        return _given_address(host)
    private = [address for address in lan_addresses() if ipaddress.ip_address(address).is_private]
    towards_network = _default_address()
    if towards_network in private:
        return towards_network
    if len(private) == 1:
        return private[0]
    choice = f"give one of {', '.join(private)}" if private else "this machine has no private IPv4 address"
    raise UsageError(f"--headset-host: which address the headset reaches is not clear; {choice}")


def lan_socket(host: str, port: int) -> socket.socket:
    """A bound TCP socket for the headset's page; port 0 takes a free one.

    Raises:
        UsageError: as ``headset_address``; or the port is taken, or the address is none of this machine's.
    """
    address = headset_address(host)
    return listen_on(address, port, f"--headset-port {port}: the headset's page cannot listen on {address}")


def headset_hosts(listener: socket.socket) -> tuple[str, ...]:
    """What the headset's browser may have in its address bar, as ``name:port``, the one to open first."""
    address, port = listener.getsockname()[:2]
    names = (address, "localhost") if ipaddress.ip_address(address).is_loopback else (address,)
    with_port = tuple(f"{name}:{port}" for name in names)
    return with_port + names if port == 443 else with_port


def _given_address(host: str) -> str:
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError as error:
        raise UsageError(f"--headset-host {host}: give an IPv4 address of this machine") from error
    if address.is_unspecified or address.is_multicast:
        raise UsageError(f"--headset-host {host}: give the one address that the headset reaches, not every interface")
    return host


def _default_address() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(_SOMEWHERE_ELSE)
        except OSError:  # no way out of this network
            return None
        return str(any_socket.getsockname()[0])
