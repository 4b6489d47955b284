"""An agent written from the communication standard alone, with `websockets` on Python.

It knows `echo` and `fail`. Usage: TOKEN=... python3 foreignAgent.py ws://HOST:PORT/agent [mute]
Every event is a line of JSON on stdout; a line {"text": ...} on stdin is sent as it is.
"""

import asyncio
import datetime
import json
import os
import sys

import websockets

HEARTBEAT_SECONDS = 0.5
MAJOR = int(websockets.__version__.split(".")[0])


def tell(**event):
    print(json.dumps(event), flush=True)


def message(kind, payload, request_id=None):
    timestamp = datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = {"type": kind, "timestamp": timestamp, "payload": payload}
    if request_id is not None:
        fields["request_id"] = request_id
    return json.dumps(fields)


def answer(asked):
    request_id = asked["request_id"]
    command = asked["payload"]["command"]
    if command == "echo":
        text = json.dumps(asked["payload"].get("parameters", {}), separators=(",", ":"))
        return message("response", {"status": "success", "message": text}, request_id)
    if command == "fail":
        payload = {"status": "failed", "message": "it did not work"}
        return message("response", payload, request_id)
    text = f"The command '{command}' is not recognized."
    return message("error", {"code": "INVALID_COMMAND", "message": text}, request_id)


async def beat(socket):
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await socket.send(message("heartbeat", {}))


async def obey(socket):
    reader = asyncio.StreamReader(limit=1 << 20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in reader:
        await socket.send(json.loads(line)["text"])


async def main():
    url = sys.argv[1]
    is_mute = sys.argv[2:] == ["mute"]
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    key = "additional_headers" if MAJOR >= 14 else "extra_headers"
    async with websockets.connect(url, **{key: headers}) as socket:
        tell(event="connected", protocol=socket.subprotocol or "")
        await socket.send(message("heartbeat", {}))
        figures = {"cpu_usage": "30%", "memory_usage": "1.5GB"}
        await socket.send(message("status_update", figures))
        tasks = [asyncio.create_task(beat(socket)), asyncio.create_task(obey(socket))]
        try:
            async for text in socket:
                tell(event="received", text=text)
                received = json.loads(text)
                if received["type"] == "command" and not is_mute:
                    await socket.send(answer(received))
        except websockets.ConnectionClosed:
            pass
        for task in tasks:
            task.cancel()
        tell(event="closed", code=socket.close_code, reason=socket.close_reason)


asyncio.run(main())
