#!/usr/bin/env python3
"""An agent of the communication standard in one file, written from the documents alone.

Usage: WSCTL_TOKEN=... python3 agent.py wss://cp.example.com:7420/agent
It knows the commands "ping" and "deploy". It needs the package "websockets".
"""

import asyncio
import json
import os
import random
import re
import sys
from collections import OrderedDict
from datetime import datetime, timezone

import websockets

HEARTBEAT_SECONDS = float(os.environ.get("HEARTBEAT_SECONDS", "15"))
STATUS_SECONDS = 2 * HEARTBEAT_SECONDS
MESSAGE_BYTES_MAX = 65_536
DEPTH_MAX = 32
REMEMBERED_MAX = 10_000
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|\+00:00)")

# The answers by request_id: a request that comes again is answered again, and not run again.
answers = OrderedDict()


class Refused(Exception):
    """Why a message is refused; the id is that of the message if it can be read."""

    def __init__(self, code, text, request_id="unknown"):
        super().__init__(text)
        self.code, self.request_id = code, request_id


async def ping(_parameters):
    return "success", "pong"


async def deploy(parameters):
    version = parameters.get("version")
    if not isinstance(version, str):
        raise Refused("INVALID_PARAMETERS", "parameters: version must be a text")
    return "success", f"deployed {version}"


COMMANDS = {"ping": ping, "deploy": deploy}


def write(kind, payload, request_id=None):
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": kind, "timestamp": now, "payload": payload}
    if request_id is not None:
        message["request_id"] = request_id
    return json.dumps(message)


def depth(value):
    if isinstance(value, dict):
        return 1 + max((depth(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(each) for each in value), default=0)
    return 0


def is_timestamp(value):
    match = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    try:
        datetime.strptime(match.group(1), "%Y-%m-%d")
        return True
    except ValueError:
        return False


def is_name(value):
    return isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable()


def read(text):
    """Returns the message, or None for an error, which is never answered."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("MALFORMED", "message is not JSON") from None
    if not isinstance(message, dict):
        raise Refused("MALFORMED", "message must be a JSON object")
    given = message.get("request_id")
    request_id = given if is_name(given) else "unknown"
    kind = message.get("type")
    if kind == "error":
        return None
    if not isinstance(kind, str):
        raise Refused("MALFORMED", "type must be a text", request_id)
    if depth(message) > DEPTH_MAX:
        raise Refused("MALFORMED", f"message is nested deeper than {DEPTH_MAX} levels", request_id)
    if kind in ("response", "heartbeat", "status_update"):
        raise Refused("FORBIDDEN", "this peer may not send messages of this type", request_id)
    if kind != "command":
        raise Refused("UNSUPPORTED_TYPE", "message type is unknown", request_id)
    payload = message.get("payload")
    rules = [
        (is_name(given), "request_id must be a text of 1 to 128 characters"),
        (is_timestamp(message.get("timestamp")), "timestamp must be ISO 8601 in UTC"),
        (isinstance(payload, dict), "payload must be an object"),
        (isinstance(payload, dict) and is_name(payload.get("command")), "payload.command is wrong"),
        (
            isinstance(payload, dict) and isinstance(payload.get("parameters", {}), dict),
            "payload.parameters must be an object",
        ),
    ]
    for is_kept, rule in rules:
        if not is_kept:
            raise Refused("MALFORMED", rule, request_id)
    return message


async def run(message):
    request_id, payload = message["request_id"], message["payload"]
    known = answers.get(request_id)
    if known is not None:
        return known
    name = payload["command"]
    try:
        if name not in COMMANDS:
            raise Refused("INVALID_COMMAND", f"The command '{name}' is not recognized.")
        status, text = await COMMANDS[name](payload.get("parameters", {}))
        answer = write("response", {"status": status, "message": text}, request_id)
    except Refused as refused:
        answer = write("error", {"code": refused.code, "message": str(refused)}, request_id)
    except Exception as error:  # A command that fails must not end the agent.
        answer = write("response", {"status": "failed", "message": str(error)}, request_id)
    answers[request_id] = answer
    while len(answers) > REMEMBERED_MAX:
        answers.popitem(last=False)
    return answer


def usage():
    """CPU and memory of this host, from /proc on Linux."""
    with open("/proc/loadavg", encoding="ascii") as file:
        load = float(file.read().split()[0])
    with open("/proc/meminfo", encoding="ascii") as file:
        sizes = dict(line.split(":") for line in file)
    kilobytes = [int(sizes[name].split()[0]) for name in ("MemTotal", "MemAvailable")]
    cpu = min(100, 100 * load / (os.cpu_count() or 1))
    used = (kilobytes[0] - kilobytes[1]) * 1024
    return {"cpu_usage": f"{cpu:.1f}%", "memory_usage": f"{used / 1e9:.2f}GB"}


async def repeat(socket, seconds, make):
    while True:
        await socket.send(make())
        await asyncio.sleep(seconds)


async def serve(socket):
    beats = asyncio.create_task(repeat(socket, HEARTBEAT_SECONDS, lambda: write("heartbeat", {})))
    states = asyncio.create_task(
        repeat(socket, STATUS_SECONDS, lambda: write("status_update", usage()))
    )
    try:
        async for text in socket:
            if isinstance(text, bytes):
                await socket.close(1003)
                return
            try:
                message = read(text)
                if message is not None:
                    await socket.send(await run(message))
            except Refused as refused:
                payload = {"code": refused.code, "message": str(refused)}
                await socket.send(write("error", payload, refused.request_id))
    finally:
        beats.cancel()
        states.cancel()


async def main(url):
    headers = {"Authorization": "Bearer " + os.environ["WSCTL_TOKEN"]}
    # The name of the option depends on the version of the package.
    new = hasattr(websockets, "asyncio") and "additional_headers" in (
        websockets.connect.__init__.__code__.co_varnames
    )
    option = {"additional_headers" if new else "extra_headers": headers}
    ceiling = 1.0
    while True:
        began = asyncio.get_running_loop().time()
        try:
            async with websockets.connect(url, max_size=MESSAGE_BYTES_MAX, **option) as socket:
                print("connected", file=sys.stderr)
                await serve(socket)
        except (OSError, websockets.exceptions.WebSocketException, asyncio.TimeoutError) as error:
            print(f"connection lost: {error}", file=sys.stderr)
        if asyncio.get_running_loop().time() - began > 60:
            ceiling = 1.0
        await asyncio.sleep(random.uniform(0.1, ceiling))
        ceiling = min(60, 2 * ceiling)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
