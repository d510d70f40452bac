"""Policies for other machines: serve-policy."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .arguments import port


def add(subparsers: Any) -> None:
    """The commands of this file and their arguments."""
    command = subparsers.add_parser("serve-policy", help="serve a checkpoint over openpi's protocol")
    command.add_argument("--task", default="toaster", help="whose shipped policy is served (default %(default)s)")
    command.add_argument("--checkpoint", type=Path, help="file of a policy instead of the shipped one")
    command.add_argument("--robot", default="iron_r01")
    command.add_argument("--host", default="127.0.0.1", help="beyond loopback only with token and TLS")
    command.add_argument("--port", type=port, default=8000, help="0 takes a free one (default %(default)s)")
    command.add_argument("--token-file", type=Path, help="clients must show what this file holds")
    command.add_argument("--tls-cert", type=Path, help="PEM file")
    command.add_argument("--tls-key", type=Path, help="PEM file")
    command.add_argument("--json", action="store_true", help="say where it listens as one line of JSON")
    command.set_defaults(run=serve_policy)


def serve_policy(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    import asyncio
    import signal

    from ..policy.remote.door import Door, read_tls
    from ..policy.remote.server import PolicyServer
    from ..serving import read_token, serve_checkpoint

    # One file may hold both. A key alone must not mean that everything goes in clear.
    certificate, key = options.tls_cert or options.tls_key, options.tls_key or options.tls_cert
    tls = read_tls(certificate, key) if certificate else None
    token = read_token(options.token_file) if options.token_file else ""
    door = Door(options.host, options.port, token, tls)
    door.check()
    served, make_policy = serve_checkpoint(options.checkpoint, options.task, options.robot)
    server = PolicyServer(served, make_policy, door)

    def ready(url: str) -> None:
        if options.json:
            print(json.dumps({"url": url, "policy": served.policy, "task": served.task}), flush=True)
            return
        print(f"serving {served.policy} for robot {served.robot.name} at {url}", flush=True)
        print(f"rove collect --sim --task {served.task} --policy {url}", flush=True)

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await server.run(ready, stop)

    asyncio.run(run())
    return 0
