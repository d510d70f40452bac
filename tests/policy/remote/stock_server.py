"""A policy server as openpi's is, with openpi's own encoding; runs in the environment of openpi-client only."""

import asyncio
import traceback

import numpy as np
import websockets.asyncio.server
from openpi_client import msgpack_numpy


def infer(observation):
    picture = observation["observation/image"]
    if picture.shape[0] != picture.shape[1]:
        raise ValueError("not square")
    lean = np.float32(1e-3) * picture[0, 0, 0]
    return {"actions": np.tile(observation["observation/state"] + lean, (5, 1)), "policy_timing": {"infer_ms": 1.0}}


async def handle(websocket):
    packer = msgpack_numpy.Packer()
    await websocket.send(packer.pack({"reset_pose": [0.0, 1.0]}))
    async for message in websocket:
        try:
            answer = infer(msgpack_numpy.unpackb(message))
        except ValueError:
            await websocket.send(traceback.format_exc())
            await websocket.close(1011, "Internal server error. Traceback included in previous frame.")
            return
        await websocket.send(packer.pack({**answer, "server_timing": {"infer_ms": 1.0}}))


async def main():
    options = {"compression": None, "max_size": None}
    async with websockets.asyncio.server.serve(handle, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
