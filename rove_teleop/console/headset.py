"""The page for the headset's own browser: its frames go to the operator's process, the state of the session to it."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from ..clock import monotonic_s
from ..tracking.webxr import FRAME_DTYPE
from .bridge import SessionBridge
from .door import Budget, Door, Lease
from .gate import Gate
from .messages import JsonObject, encode

STATIC = Path(__file__).parent / "static"
PROTOCOL = "rove-headset-1"
LARGEST_MESSAGE = 2048
STATE_REQUEST = "state"
BREAKS_THE_RULES = 1008
MOST_DROPPED = 30
CONTROL_SAYS = ("authority", "phase", "state", "reason", "alarm", "episode")


class FrameSocket:
    """The way to the operator's process: a Unix datagram socket, never waited for. What does not fit is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.counts: Counter[str] = Counter()
        self._dropped_since = 0

    @property
    def delivers(self) -> bool:
        """False when its process is away, or has been busy (starting, say) for about half a second."""
        return self._dropped_since < MOST_DROPPED

    def send(self, frame: bytes) -> None:
        try:
            self._socket.sendto(frame, self._path)
            outcome = "sent"
        except BlockingIOError:
            outcome = "operator_busy"
        except OSError:  # its process is not up, or not any more
            outcome = "operator_away"
        self.counts[outcome] += 1
        self._dropped_since = 0 if outcome == "sent" else self._dropped_since + 1

    def close(self) -> None:
        self._socket.close()


def create_headset_app(
    bridge: SessionBridge, allowed_hosts: Collection[str], code: str, frames: FrameSocket
) -> FastAPI:
    """The headset's side of one session; to be served over TLS only.

    Args:
        bridge: where the newest values come from; nothing is commanded from here.
        allowed_hosts: what the headset's browser may have in its address bar, as ``name:port``.
        code: what a headset must show before it hears or says anything.
        frames: where its frames go.
    """
    app = FastAPI(title="rove headset", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Gate, allowed_hosts=allowed_hosts, scheme="https")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    door, lease = Door(code), Lease()

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "headset.html")

    @app.websocket("/headset")
    async def stream(headset: WebSocket) -> None:
        address = headset.client.host if headset.client is not None else ""
        if not door.admits(_shown_code(headset), address, monotonic_s()):
            await headset.close(BREAKS_THE_RULES)  # before it was accepted: the answer is 403
            return
        await headset.accept(subprotocol=PROTOCOL)
        try:
            await _listen(headset, bridge, lease, frames)
        except WebSocketDisconnect:
            return  # it went away while a state was on its way to it
        finally:
            lease.give_back(headset)

    return app


async def _listen(headset: WebSocket, bridge: SessionBridge, lease: Lease, frames: FrameSocket) -> None:
    """Hand on each frame as it comes, and answer each request for the state, until it goes away or breaks the rules."""
    budget = Budget(monotonic_s())
    while (message := await headset.receive())["type"] == "websocket.receive":
        now_s = monotonic_s()
        if not budget.spend(now_s):
            await headset.close(BREAKS_THE_RULES, "too many messages")
            return
        frame = message.get("bytes")
        if frame is not None and len(frame) == FRAME_DTYPE.itemsize:
            if lease.takes(headset, now_s):
                frames.send(frame)
        elif message.get("text") == STATE_REQUEST:
            says = headset_state(bridge, now_s)
            says |= {"lease": lease.state(headset, now_s), "operator_listens": frames.delivers}
            await headset.send_text(encode(says))
        else:
            await headset.close(BREAKS_THE_RULES, "neither a frame nor a request")
            return


def headset_state(bridge: SessionBridge, now_s: float) -> JsonObject:
    """What the operator sees inside the headset: who drives and why, the task, what to do now."""
    status = bridge.latest_status()
    return {
        **{name: status.get(name) for name in CONTROL_SAYS},
        "status_age_s": bridge.status_age_s(now_s),
        "instruction": bridge.latest_session().get("instruction"),
        "calibration": bridge.latest_calibration(),
        "trouble": bridge.latest_operator().get("trouble"),
    }


def _shown_code(headset: WebSocket) -> str:
    """The code, which a browser can only send as the name of a subprotocol: so it stays out of addresses and logs."""
    offered: list[str] = headset.scope.get("subprotocols", [])
    return offered[1] if len(offered) == 2 and offered[0] == PROTOCOL else ""
