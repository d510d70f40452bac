"""The mocap sources by name; a new protocol is one decoder and one line here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...errors import UsageError
from ..device import DatagramDevice, Decoder, Device
from . import bvh_stream, natnet, rokoko, vmc, xsens
from .bvh_stream import BvhStreamDecoder
from .natnet_device import NatNetDevice
from .spec import MocapSpec, address, read_options, read_spec


class _Source(NamedTuple):
    port: int
    keys: tuple[str, ...]
    decoder: Callable[[MocapSpec], Decoder]


def _bvh(spec: MocapSpec) -> Decoder:
    file = spec.options.get("skeleton")
    return BvhStreamDecoder(None if file is None else Path(file), spec.number("actor"))


SOURCES = {
    "xsens": _Source(xsens.PORT, ("actor",), lambda spec: xsens.XsensDecoder(spec.number("actor"))),
    "rokoko": _Source(rokoko.PORT, ("actor",), lambda spec: rokoko.RokokoDecoder(spec.options.get("actor"))),
    "vmc": _Source(vmc.PORT, (), lambda _spec: vmc.VmcDecoder()),
    "bvh": _Source(bvh_stream.PORT, ("skeleton", "actor"), _bvh),
}
USAGE = "xsens|rokoko|vmc|bvh[:PORT][@SENDER_IP], natnet:SERVER_IP"


def is_mocap(spec: str) -> bool:
    """Whether a spec begins with the name of a mocap source."""
    return _kind(spec) in (*SOURCES, "natnet")


def open_mocap(spec: str) -> Device:
    """The device that a spec such as ``xsens:9763@192.168.1.20`` names.

    Raises:
        UsageError: the spec makes no sense, or its port cannot be opened.
        MotionFileInvalid: the skeleton file of a BVH stream is refused.
    """
    kind = _kind(spec)
    if kind == "natnet":
        return _open_natnet(spec)
    source = SOURCES.get(kind)
    if source is None:
        raise UsageError(f"'{spec[:60]}' is none of {USAGE}")
    known = read_spec(spec, source.port, source.keys)
    return DatagramDevice(source.decoder(known), known.port, known.host, known.kind, known.sender)


def _kind(spec: str) -> str:
    return re.split("[:@,]", spec, maxsplit=1)[0]


def _open_natnet(spec: str) -> Device:
    head, *pairs = spec.split(",")
    server, _, port = head.removeprefix("natnet").removeprefix(":").partition(":")
    if not server:
        raise UsageError("natnet: name the server, for example natnet:192.168.1.20")
    known = read_spec(f"natnet:{port}", natnet.COMMAND_PORT, ())
    options = read_options("natnet", pairs, ("actor", "up", "multicast"))
    axis = options.get("up", "y")
    if axis not in ("y", "z"):
        raise UsageError(f"natnet: up={axis} is neither y nor z")
    up: natnet.Up = "z" if axis == "z" else "y"
    decoder = natnet.NatNetDecoder(options.get("actor"), up)
    return NatNetDevice(decoder, address("natnet", server), known.port, _group(options.get("multicast")))


def _group(text: str | None) -> str | None:
    """``multicast=GROUP`` or ``multicast=yes`` for Motive's own group."""
    return natnet.MULTICAST_GROUP if text == "yes" else text
