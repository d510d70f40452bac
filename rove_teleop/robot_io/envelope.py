"""Who sent a command and which one it is: ``session/epoch/sequence`` in the header of every joint command."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import MessageRefused

_FORM = re.compile(r"([A-Za-z0-9_.:-]{1,64})/(\d{1,9})/(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """``session`` names the sender's session, ``epoch`` its lease of the robot, ``sequence`` rises per command."""

    session: str
    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.session}/{self.epoch}/{self.sequence}"


def parse_envelope(text: str) -> Envelope:
    """Read ``session/epoch/sequence``.

    Raises:
        MessageRefused: any other form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise MessageRefused("envelope", f"header.frame_id {text[:80]!r} is not session/epoch/sequence")
    return Envelope(match[1], int(match[2]), int(match[3]))
