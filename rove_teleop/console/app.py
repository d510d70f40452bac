"""The routes of the console: the page, the newest state, the newest picture, and the commands."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import astuple
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Query, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from ..clock import monotonic_s
from ..errors import StageLost
from .bridge import COMMANDS, Frame, SessionBridge
from .gate import Gate
from .messages import JsonObject, encode

STATIC = Path(__file__).parent / "static"

STATE_PERIOD_S = 1.0 / 20.0
FRAME_POLL_S = 0.01
FRAME_WAIT_S = 1.0


def create_app(bridge: SessionBridge, allowed_hosts: Collection[str]) -> FastAPI:
    """The console of one session.

    Args:
        bridge: where the newest values come from and where commands go.
        allowed_hosts: what a browser may have in its address bar, as ``name:port``.
    """
    app = FastAPI(title="rove console", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Gate, allowed_hosts=allowed_hosts)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_page(app, bridge)
    _add_camera(app, bridge)
    _add_commands(app, bridge)
    return app


def snapshot(bridge: SessionBridge) -> JsonObject:
    """Everything the page shows except pictures, as one JSON object."""
    now_s = monotonic_s()
    return {
        "status": bridge.latest_status(),
        "status_age_s": bridge.status_age_s(now_s),
        "session": bridge.latest_session(),
        "task": bridge.latest_task(),
        "calibration": bridge.latest_calibration(),
        "operator": bridge.latest_operator(),
        "events": bridge.latest_events(),
        "timeline": [astuple(segment) for segment in bridge.timeline(now_s)],
        "cameras": list(bridge.cameras),
    }


def _add_page(app: FastAPI, bridge: SessionBridge) -> None:
    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/healthz")
    def health() -> JsonObject:
        return {"ok": True, "status_age_s": bridge.status_age_s(monotonic_s())}

    @app.get("/api/status")
    def status() -> Response:
        return Response(encode(snapshot(bridge)), media_type="application/json")

    @app.websocket("/ws")
    async def state(socket: WebSocket) -> None:
        """The newest state, once at first and then once per message of the client, at most 20 times a second.

        The page asks for the next state when it has drawn the last one, so at most one is ever under way: a slow
        page gets fewer states, never older ones. (Without that, megabytes of kernel buffer hold the past.)
        """
        await socket.accept()
        try:
            while True:
                await socket.send_text(encode(snapshot(bridge)))
                await asyncio.sleep(STATE_PERIOD_S)
                if (await socket.receive())["type"] == "websocket.disconnect":
                    return
        except WebSocketDisconnect:
            return  # the page went away while a state was on its way to it


def _add_camera(app: FastAPI, bridge: SessionBridge) -> None:
    @app.get("/camera/{name}.jpg")
    async def camera(name: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
        """The newest picture if it is newer than ``after``; otherwise wait for it, then 204."""
        if name not in bridge.cameras:
            return JSONResponse({"message": f"there is no camera '{name}'"}, 404)
        frame = await _frame_after(bridge, name, after)
        if frame is None:
            return Response(status_code=204)
        age_s = monotonic_s() - frame.stamp_s
        headers = {"X-Frame-Sequence": str(frame.sequence), "X-Frame-Age-S": f"{age_s:.3f}"}
        return Response(frame.jpeg, media_type="image/jpeg", headers=headers)


async def _frame_after(bridge: SessionBridge, name: str, sequence: int) -> Frame | None:
    give_up_s = monotonic_s() + FRAME_WAIT_S
    while True:
        frame = bridge.latest_frame(name)
        # A smaller number than the one asked for means that the console was restarted since: show it.
        if frame is not None and frame.sequence != sequence:
            return frame
        if monotonic_s() >= give_up_s:
            return None
        await asyncio.sleep(FRAME_POLL_S)


def _add_commands(app: FastAPI, bridge: SessionBridge) -> None:
    # Not async: asking control blocks, for up to a second, a thread of the pool and nobody else.
    @app.post("/api/command/{name}")
    def command(name: str, x_rove: Annotated[str | None, Header()] = None) -> Response:
        """Ask control: 200 accepted, 409 the state does not allow it, 503 control does not answer."""
        if x_rove is None:
            return JSONResponse({"message": "the header X-Rove is missing"}, 403)
        if name not in COMMANDS:
            return JSONResponse({"message": f"there is no command '{name}'"}, 404)
        try:
            accepted, message = bridge.command(name)
        except StageLost as error:
            return JSONResponse({"accepted": False, "message": str(error)}, 503)
        return JSONResponse({"accepted": accepted, "message": message}, 200 if accepted else 409)
