"""Where a remote policy is and what it does not say of itself: ``ws://host:8000?joints=right_arm&hz=20``."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ...errors import UsageError

SCHEMES = ("ws", "wss", "zmq", "lerobot")
DEADLINE_S = 0.3
"""As old as an observation may be that a plan is used of."""

KNOWN = {
    "joints": "joint groups or joints, with commas, in the order of the policy's numbers",
    "hz": "rows of a plan per second",
    "execute": "how many rows of a plan are used before the next one",
    "cameras": "OURS:THEIRS pairs with commas: which camera goes under which name",
    "size": "pictures are made this many pixels wide and high, with a border",
    "state": "name under which the policy reads the joints",
    "groups": "THEIRS:OURS pairs with commas: which joint group has which name",
    "deadline": "seconds that an answer may take",
    "path": "folder of the policy",
    "device": "where it computes, such as cpu or cuda",
    "ca": "file with the certificate that signs the server's",
}


@dataclass(frozen=True, slots=True)
class Address:
    """``place`` is the URL without the settings, or the Python of a worker."""

    scheme: str
    place: str
    settings: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """The setting ``name``, or `UsageError` when it is no number from ``low`` to ``high``."""
        text = self.settings.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not (low <= value <= high):
            raise UsageError(f"policy {self.place}: {name}={text} is not a number from {low:g} to {high:g}")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """The names in the setting ``name``."""
        return tuple(part.strip() for part in self.settings.get(name, "").split(",") if part.strip())

    def pairs(self, name: str) -> dict[str, str]:
        """The pairs in the setting ``name``; a name alone stands for itself."""
        pairs = [part.partition(":") for part in self.names(name)]
        return {left: right or left for left, _, right in pairs}

    @property
    def deadline_s(self) -> float:
        return self.number("deadline", DEADLINE_S, 0.01, 10.0)


def is_remote(text: str) -> bool:
    """Whether ``text`` names a policy elsewhere and not a file."""
    return text.startswith(tuple(f"{scheme}:" for scheme in SCHEMES))


def read_address(text: str) -> Address:
    """The parts of ``text``.

    Raises:
        UsageError: another scheme, no host or port, or a setting that nothing knows.
    """
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        raise UsageError(f"policy '{text}' is none of ws://, wss://, zmq://, lerobot:")
    try:
        settings = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        missing = parts.scheme != "lerobot" and not (parts.hostname and parts.port)
    except ValueError as error:
        raise UsageError(f"policy '{text}': {error}") from error
    if missing:
        raise UsageError(f"policy '{text}' needs a host and a port, as in {parts.scheme}://127.0.0.1:8000")
    if parts.username is not None or parts.password is not None:
        raise UsageError("a policy's address holds no password: set the environment variable ROVE_POLICY_TOKEN")
    unknown = sorted(settings.keys() - KNOWN.keys())
    if unknown:
        raise UsageError(f"policy '{text}': nothing knows {unknown}; there are {sorted(KNOWN)}")
    place = parts.path if parts.scheme == "lerobot" else urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    return Address(parts.scheme, place, settings)
