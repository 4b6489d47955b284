#!/usr/bin/env python3
"""A client of the HTTP API in one file, with Python's own library, written from the documents alone.

Usage: WSCTL_SERVER=http://127.0.0.1:7420 WSCTL_TOKEN=... python3 client.py COMMAND AGENT [JSON]
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid


class ApiError(Exception):
    def __init__(self, status, code, message):
        super().__init__(f"{code}: {message}")
        self.status, self.code = status, code


class Client:
    def __init__(self, server, token):
        self.server, self.token = server.rstrip("/"), token

    def open(self, method, path, body=None, headers=None):
        request = urllib.request.Request(
            f"{self.server}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read())["error"]
            raise ApiError(error.code, problem["code"], problem["message"]) from None

    def call(self, method, path, body=None):
        with self.open(method, path, body) as response:
            return json.load(response)

    def send(self, job):
        """Creates a job, and yields the accepted job and then one line for each outcome."""
        headers = {"Accept": "application/x-ndjson", "Idempotency-Key": str(uuid.uuid4())}
        with self.open("POST", "/jobs", job, headers) as response:
            for line in response:
                if line.strip():  # An empty line keeps the connection alive.
                    yield json.loads(line)

    def agents(self):
        cursor = ""
        while True:
            page = self.call("GET", f"/agents?limit=500&cursor={cursor}")
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return


def main(command, agent, parameters="{}"):
    client = Client(os.environ["WSCTL_SERVER"], os.environ["WSCTL_TOKEN"])
    job = {
        "command": command,
        "parameters": json.loads(parameters),
        "target": {"agents": [agent]},
    }
    try:
        lines = client.send(job)
        accepted = next(lines)["job"]
        print("job", accepted["job_id"], "for", accepted["total"])
        outcomes = list(lines)
    except ApiError as error:
        print(error.status, error)
        return 2
    for line in outcomes:
        print(line["agent"], line["outcome"], line.get("message", ""))
    print("online", [each["agent_id"] for each in client.agents() if each["online"]])
    return 0 if all(line["outcome"] == "success" for line in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
