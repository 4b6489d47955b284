#!/usr/bin/env python3
"""A control plane of the communication standard in one file, written from the documents alone.

Usage: AGENT_TOKENS=probe-1=secret OPERATOR_TOKEN=... python3 control_plane.py PORT
Agents connect to /agent. To send a command, and to see how it ended:
  curl -H "Authorization: Bearer $OPERATOR_TOKEN" "http://127.0.0.1:PORT/send?agent=probe-1&command=ping"
  curl -H "Authorization: Bearer $OPERATOR_TOKEN" "http://127.0.0.1:PORT/requests/ID"
It keeps everything in memory. It needs the package "websockets".
"""

import asyncio
import hmac
import json
import math
import os
import re
import sys
import uuid
from collections import deque
from datetime import datetime, timezone
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import websockets

HEARTBEAT_SECONDS = float(os.environ.get("HEARTBEAT_SECONDS", "15"))
MESSAGE_BYTES_MAX = 65_536
DEPTH_MAX = 32
TEXT_CHARS_MAX = 16_384
UNANSWERED_MAX = 16
REFUSALS_MAX, REFUSALS_SECONDS = 20, 10
RATE, BURST = 2_000, 4_000
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|\+00:00)")
CPU = re.compile(r"\d+(\.\d+)? ?%")
MEMORY = re.compile(r"\d+(\.\d+)? ?(KB|MB|GB|TB)")

AGENTS = dict(pair.split("=", 1) for pair in os.environ.get("AGENT_TOKENS", "").split(",") if pair)


class Refused(Exception):
    """Why a message is refused; the id is that of the message if it can be read."""

    def __init__(self, code, text, request_id="unknown"):
        super().__init__(text)
        self.code, self.request_id = code, request_id


class Agent:
    """What is known of an agent, connected or not."""

    def __init__(self):
        self.socket = None
        self.status = None
        self.waiting = deque()
        self.unanswered = set()


agents = {agent_id: Agent() for agent_id in AGENTS}
# By request_id: the agent, the message, and the answer.
requests = {}


def write(kind, payload, request_id):
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": kind, "request_id": request_id, "timestamp": now, "payload": payload}
    return json.dumps(message)


def is_sound(value, levels=DEPTH_MAX):
    """Whether a value is nested within the limit, and can be written again unchanged."""
    if isinstance(value, (dict, list)):
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return levels > 0 and all(is_sound(part, levels - 1) for part in parts)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return True


def is_timestamp(value):
    match = TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return False
    try:
        datetime.strptime(match.group(1), "%Y-%m-%d")
        return True
    except ValueError:
        return False


def is_id(value):
    return isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable()


def is_text(value, chars_max=TEXT_CHARS_MAX):
    return isinstance(value, str) and len(value) <= chars_max


def read(text):
    """Returns the message, or None for an error that is malformed: it is never answered."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("MALFORMED", "message is not JSON") from None
    if not isinstance(message, dict):
        raise Refused("MALFORMED", "message must be a JSON object")
    given, kind = message.get("request_id"), message.get("type")
    request_id = given if is_id(given) else "unknown"
    if not is_sound(message):
        raise Refused("MALFORMED", "message is nested too deep, or has values that are lost")
    if not isinstance(kind, str):
        raise Refused("MALFORMED", "type must be a text", request_id)
    if kind == "command":
        raise Refused("FORBIDDEN", "agents may not send commands", request_id)
    if kind not in ("heartbeat", "status_update", "response", "error"):
        raise Refused("UNSUPPORTED_TYPE", "message type is unknown", request_id)
    fault = fault_of(message, kind)
    if fault is None:
        return message
    if kind == "error":
        return None
    raise Refused("MALFORMED", fault, request_id)


def fault_of(message, kind):
    """The first rule that a message breaks."""
    payload = message.get("payload")
    if not is_timestamp(message.get("timestamp")):
        return "timestamp must be ISO 8601 in UTC"
    if not isinstance(payload, dict):
        return "payload must be an object"
    if (kind == "response" or "request_id" in message) and not is_id(message.get("request_id")):
        return "request_id must be a text of 1 to 128 characters"
    rules = {
        "heartbeat": [],
        "status_update": [("cpu_usage", CPU), ("memory_usage", MEMORY)],
        "response": [("status", re.compile("success|failed"))],
        "error": [("code", re.compile(r"\S{1,64}")), ("message", re.compile("(?s).*"))],
    }
    for name, pattern in rules[kind]:
        value = payload.get(name)
        if not is_text(value) or pattern.fullmatch(value) is None:
            return f"payload.{name} is missing or wrong"
    if kind == "response" and not is_text(payload.get("message", "")):
        return f"payload.message must be a text of at most {TEXT_CHARS_MAX} characters"
    return None


async def take(agent_id, message):
    """Does what a message asks for."""
    agent, kind, payload = agents[agent_id], message["type"], message["payload"]
    if kind == "status_update":
        agent.status = payload
    if kind not in ("response", "error"):
        return
    request_id = message.get("request_id")
    request = requests.get(request_id)
    if request is None:
        if kind == "response":
            raise Refused("UNKNOWN_REQUEST", "no request has this request_id", request_id)
        return
    if request["agent"] != agent_id:
        raise Refused("FORBIDDEN", "the request was sent to another agent", request_id)
    # The first answer stands.
    if request["answer"] is None:
        request["answer"] = {"type": kind, **payload}
    agent.unanswered.discard(request_id)
    await send_waiting(agent)


async def send_waiting(agent):
    """Sends each command once: nobody knows whether one that was sent has been run."""
    while agent.socket is not None and agent.waiting and len(agent.unanswered) < UNANSWERED_MAX:
        request_id = agent.waiting.popleft()
        agent.unanswered.add(request_id)
        try:
            await agent.socket.send(requests[request_id]["text"])
        except websockets.ConnectionClosed:
            return


def is_secret(given, secret):
    return secret != "" and hmac.compare_digest(given.encode(), secret.encode())


def bearer(headers):
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


async def serve_agent(socket, _path=None):
    request = getattr(socket, "request", None)
    token = bearer(socket.request_headers if request is None else request.headers)
    agent_id = next((name for name, secret in AGENTS.items() if is_secret(token, secret)), None)
    if agent_id is None:
        await socket.close(4401, "token is missing or wrong")
        return
    agent = agents[agent_id]
    # What was sent on an earlier connection is not sent again, and may still be answered.
    agent.socket, agent.unanswered = socket, set()
    refusals = deque(maxlen=REFUSALS_MAX + 1)
    clock = asyncio.get_running_loop().time
    allowance, counted_at = BURST, clock()
    try:
        await send_waiting(agent)
        while True:
            text = await asyncio.wait_for(socket.recv(), 3 * HEARTBEAT_SECONDS)
            now = clock()
            allowance = min(BURST, allowance + RATE * (now - counted_at)) - 1
            counted_at = now
            if allowance < 0:
                await socket.close(4429, "too many messages")
                return
            if isinstance(text, bytes):
                await socket.close(1003, "binary frames are not used")
                return
            try:
                message = read(text)
                if message is not None:
                    await take(agent_id, message)
            except Refused as refused:
                refusals.append(now)
                if len(refusals) > REFUSALS_MAX and now - refusals[0] < REFUSALS_SECONDS:
                    await socket.close(4400, "too many refused messages")
                    return
                payload = {"code": refused.code, "message": str(refused)}
                await socket.send(write("error", payload, refused.request_id))
    except asyncio.TimeoutError:
        await socket.close(4408, "no heartbeat in time")
    except websockets.ConnectionClosed:
        pass
    finally:
        if agent.socket is socket:
            agent.socket = None


async def answer_operator(path, headers):
    """Returns a status and an object for a request that opens no WebSocket."""
    url = urlsplit(path)
    if not is_secret(bearer(headers), os.environ.get("OPERATOR_TOKEN", "")):
        return HTTPStatus.UNAUTHORIZED, {"error": "token is missing or wrong"}
    if url.path == "/send":
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        agent = agents.get(query.get("agent"))
        if agent is None or not is_id(query.get("command")):
            return HTTPStatus.BAD_REQUEST, {"error": "agent or command is missing or unknown"}
        request_id = str(uuid.uuid4())
        text = write("command", {"command": query["command"]}, request_id)
        requests[request_id] = {"agent": query["agent"], "text": text, "answer": None}
        agent.waiting.append(request_id)
        await send_waiting(agent)
        return HTTPStatus.ACCEPTED, {"request_id": request_id}
    request = requests.get(url.path.removeprefix("/requests/"))
    if request is None:
        return HTTPStatus.NOT_FOUND, {"error": "there is nothing here"}
    return HTTPStatus.OK, {"agent": request["agent"], "answer": request["answer"]}


async def answer_http(first, second):
    """Leaves /agent to the WebSocket. The arguments depend on the version of the package."""
    is_old = isinstance(first, str)
    path, headers = (first, second) if is_old else (second.path, second.headers)
    if urlsplit(path).path == "/agent":
        return None
    status, body = await answer_operator(path, headers)
    text = json.dumps(body) + "\n"
    if is_old:
        return status, {"Content-Type": "application/json"}, text.encode()
    return first.respond(status, text)


async def main(port):
    options = {"process_request": answer_http, "max_size": MESSAGE_BYTES_MAX, "ping_interval": None}
    async with websockets.serve(serve_agent, "127.0.0.1", port, **options) as server:
        print(f"listening on port {server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
