"""The door of the console: only pages it served itself may talk to it, on HTTP and on WebSocket alike.

A browser lets any page of the internet send requests to 127.0.0.1. Host stops a foreign name that was pointed at
loopback (DNS rebinding), Origin stops a foreign page, and neither is looked at by CORS middleware for WebSockets.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1024

SAFE_METHODS = ("GET", "HEAD")

RESPONSE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class Gate:
    """ASGI middleware: every request names a host of ours; whatever changes or listens also comes from our page."""

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str], scheme: str = "http") -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in allowed_hosts)
        self.origins = frozenset(f"{scheme}://{host}" for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            await JSONResponse({"message": refusal[1]}, refusal[0])(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        host = _header(scope, b"host")
        if host is None or host.lower() not in self.hosts:
            return 403, f"host {host!r} is not this console"
        origin = _header(scope, b"origin")
        must_have_origin = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if (origin is not None or must_have_origin) and (origin or "").lower() not in self.origins:
            return 403, f"origin {origin!r} is not a page of this console"
        if not _body_is_small(scope):
            return 413, f"a request body is at most {MAX_BODY_BYTES} bytes, with its length said first"
        return None


def _header(scope: Scope, name: bytes) -> str | None:
    """The value of a header that must be given at most once; a repeated one counts as its (refused) sum."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def _body_is_small(scope: Scope) -> bool:
    if _header(scope, b"transfer-encoding") is not None:
        return False
    length = _header(scope, b"content-length") or "0"
    return len(length) <= 6 and length.isascii() and length.isdigit() and int(length) <= MAX_BODY_BYTES


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *RESPONSE_HEADERS]
        await send(message)

    return send_with_headers
