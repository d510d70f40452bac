"""Where a policy server listens and whom it lets in."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError


@dataclass(frozen=True, slots=True)
class Door:
    """Where the server listens and whom it lets in."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str = ""
    tls: ssl.SSLContext | None = None

    def check(self) -> None:
        """`UsageError` when this machine's network would reach a policy without a token or in clear."""
        if not is_loopback(self.host) and not (self.token and self.tls):
            raise UsageError(
                f"--host {self.host}: beyond this machine a policy is served with a token and TLS only "
                "(--token-file FILE --tls-cert FILE --tls-key FILE), or through an SSH tunnel to loopback"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS with these PEM files, or `UsageError` when they are none."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise UsageError(f"--tls-cert {certificate} --tls-key {key}: {error}") from error
    return context
