"""What makes the headset's page private: a certificate of this machine and a code, made once and kept for the user."""

from __future__ import annotations

import ipaddress
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..clock import wall_time_s
from ..errors import UsageError

VALID_FOR = timedelta(days=365)
RENEW_BEFORE = timedelta(days=14)
CLOCKS_DIFFER_BY = timedelta(days=1)
CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_GROUPS, CODE_GROUP_LENGTH = 3, 4
"""12 letters of 31 are 59 bits: short enough for a headset's keyboard, and wrong ones are limited to a few a minute."""


def config_folder() -> Path:
    """Where this user's certificate and code are kept (``$XDG_CONFIG_HOME/rove_teleop``, else under ``~/.config``)."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rove_teleop"


def headset_certificate(folder: Path, addresses: Sequence[str]) -> Path:
    """A PEM file with key and certificate for ``addresses`` and localhost; made when there is none that still fits.

    A headset asks its user to trust a certificate it has not seen, so the same one is used as long as possible.

    Raises:
        UsageError: the folder or the file cannot be written.
    """
    path = folder / "headset.pem"
    now = datetime.fromtimestamp(wall_time_s(), UTC)
    if not _fits(path, addresses, now):
        _write_private(path, _new_certificate(addresses, now))
    return path


def headset_code(folder: Path) -> str:
    """The code that a headset must show; made once, so that its bookmark works tomorrow. Delete the file for a new one.

    Raises:
        UsageError: the folder or the file cannot be written.
    """
    path = folder / "headset_code"
    if _is_private(path):
        code = path.read_text(encoding="utf-8", errors="replace").strip()
        if is_code(code):
            return code
    code = "-".join("".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_GROUP_LENGTH)) for _ in range(CODE_GROUPS))
    _write_private(path, code.encode() + b"\n")
    return code


def is_code(text: str) -> bool:
    """True for what ``headset_code`` may make."""
    groups = text.split("-")
    return len(groups) == CODE_GROUPS and all(
        len(group) == CODE_GROUP_LENGTH and set(group) <= set(CODE_LETTERS) for group in groups
    )


def _fits(path: Path, addresses: Sequence[str], now: datetime) -> bool:
    """Whether the file at ``path`` was readable by nobody else, covers every address and is valid for a while."""
    if not _is_private(path):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    known = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    lasts = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEW_BEFORE
    return lasts and known >= set(addresses)


def _new_certificate(addresses: Sequence[str], now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rove headset page")])
    own = [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys((*addresses, "127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *own]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def _is_private(path: Path) -> bool:
    """A file that only its owner could read; one that others could read counts as lost."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and mode & 0o077 == 0


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by the owner alone from the first byte on."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(f"{path}: the headset's certificate and code cannot be kept there ({error})") from error
