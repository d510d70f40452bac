"""openpi's protocol, answered: our policies for whoever connects, one thread computing, so that pings keep flowing."""

from __future__ import annotations

import asyncio
import http
import secrets
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from ...clock import monotonic_s
from ...errors import MessageRefused, RoveError, UsageError
from ..protocol import Policy
from .door import Door
from .encoding import MAX_MESSAGE_BYTES, pack, unpack_map
from .served import Served

MOST_CLIENTS = 16
HEALTH = "/healthz"


class PolicyServer:
    """Each client has a policy of its own, so that nobody's reset or noise is another's."""

    def __init__(self, served: Served, make_policy: Callable[[], Policy], door: Door) -> None:
        door.check()
        self.served, self.door = served, door
        self._make_policy = make_policy
        self._metadata = pack(served.metadata())
        self._clients = 0
        self._thread = ThreadPoolExecutor(1, "inference")

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Serve until ``stop``; ``ready`` gets the URL once clients can connect.

        Raises:
            UsageError: the address cannot be listened on.
        """
        try:
            async with serve(
                self._client,
                self.door.host,
                self.door.port,
                ssl=self.door.tls,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                process_request=self._let_in,
                # A page in a browser names its origin; it has no business here.
                origins=[None],
                close_timeout=1.0,
            ) as server:
                ready(self._url(server))
                await stop.wait()
        except OSError as error:
            raise UsageError(f"--host {self.door.host} --port {self.door.port}: {error.strerror or error}") from error
        finally:
            self._thread.shutdown(cancel_futures=True)

    def _url(self, server: Server) -> str:
        sockets: Sequence[socket.socket] = tuple(server.sockets)
        scheme = "ws" if self.door.tls is None else "wss"
        host = f"[{self.door.host}]" if ":" in self.door.host else self.door.host
        return f"{scheme}://{host}:{sockets[0].getsockname()[1]}"

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == HEALTH:
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        if self.door.token:
            said = request.headers.get("Authorization", "")
            if not secrets.compare_digest(said.encode(), f"Api-Key {self.door.token}".encode()):
                return connection.respond(http.HTTPStatus.UNAUTHORIZED, "the token is wrong or missing\n")
        if self._clients >= MOST_CLIENTS:
            return connection.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_CLIENTS} clients are the most\n")
        return None

    async def _client(self, connection: ServerConnection) -> None:
        self._clients += 1
        try:
            await self._answer_or_explain(connection)
        except ConnectionClosed:
            # The client left, which is its good right.
            return
        finally:
            self._clients -= 1

    async def _answer_or_explain(self, connection: ServerConnection) -> None:
        """openpi's way to say that something is wrong is text, then the end of the connection."""
        try:
            policy = await self._compute(self._make_policy)
            await connection.send(self._metadata)
            await self._converse(connection, policy)
        except RoveError as error:
            await connection.send(str(error))
            await connection.close(CloseCode.INTERNAL_ERROR, "The error is in the previous frame.")

    async def _converse(self, connection: ServerConnection, policy: Policy) -> None:
        previous_ms: float | None = None
        async for message in connection:
            begun_s = monotonic_s()
            answer = await self._compute(self._infer, policy, message)
            if previous_ms is not None:
                answer["server_timing"]["prev_total_ms"] = previous_ms
            await connection.send(pack(answer))
            previous_ms = 1e3 * (monotonic_s() - begun_s)

    def _infer(self, policy: Policy, message: bytes | str) -> dict[str, Any]:
        begun_s = monotonic_s()
        question = unpack_map(message)
        seed = question.get("rove/reset")
        if isinstance(seed, int):
            policy.reset(seed)
        before = policy.refused.copy()
        plan = policy.act(self.served.observation(question, begun_s))
        if plan is None:
            reasons = ", ".join((policy.refused - before) or ["no reason given"])
            raise MessageRefused("no plan", f"the policy has no plan: {reasons}")
        answer = self.served.answer(plan)
        if "rove/seq" in question:
            answer["rove/seq"] = question["rove/seq"]
        answer["server_timing"] = {"infer_ms": 1e3 * (monotonic_s() - begun_s)}
        return answer

    async def _compute(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
