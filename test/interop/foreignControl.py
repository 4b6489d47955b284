"""A control plane written from the communication standard alone, with `websockets` on Python.

Usage: python3 foreignControl.py PORT
Every event is a line of JSON on stdout; a line on stdin is sent to the agent that connected last:
{"text": ...} as a text frame, {"binary": BASE64} as a binary one.
"""

import asyncio
import base64
import json
import sys

import websockets

agents = []


def tell(**event):
    print(json.dumps(event), flush=True)


async def serve_agent(socket, *_path):
    request = getattr(socket, "request", None)
    headers = socket.request_headers if request is None else request.headers
    agents.append(socket)
    tell(event="connected", authorization=headers.get("Authorization"))
    try:
        async for text in socket:
            tell(event="received", text=text)
    except websockets.ConnectionClosed:
        pass
    tell(event="closed", code=socket.close_code, reason=socket.close_reason)


async def obey():
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in reader:
        order = json.loads(line)
        if "text" in order:
            await agents[-1].send(order["text"])
        else:
            await agents[-1].send(base64.b64decode(order["binary"]))


async def main():
    async with websockets.serve(serve_agent, "127.0.0.1", int(sys.argv[1])) as server:
        tell(event="listening", port=server.sockets[0].getsockname()[1])
        await obey()


asyncio.run(main())
