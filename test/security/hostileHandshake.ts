/** Who may not connect, and how it is told: bad credentials, browsers, broken HTTP. */
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { exchange, RawSocket } from "../support/clients/rawSocket.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { hostileSuite } from "./hostileSuite.ts";

const wrongSecret = `wsctl-0123456789ab-${"0".repeat(64)}`;

const badAuthorizations: readonly { name: string; headers: string[] }[] = [
  { name: "no Authorization", headers: [] },
  { name: "an unknown token", headers: [`Authorization: Bearer ${wrongSecret}`] },
  { name: "a token of no known shape", headers: ["Authorization: Bearer secret"] },
  { name: "an empty Bearer", headers: ["Authorization: Bearer "] },
  { name: "Basic credentials", headers: ["Authorization: Basic YWRtaW46YWRtaW4="] },
  { name: "a token of 9,000 characters", headers: [`Authorization: Bearer ${"a".repeat(9_000)}`] },
  {
    name: "two Authorization headers",
    headers: [`Authorization: Bearer ${wrongSecret}`, `Authorization: Bearer ${wrongSecret}`],
  },
];

const brokenHttp: readonly { name: string; request: string }[] = [
  { name: "no HTTP at all", request: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
  { name: "a content length of -1", request: post("Content-Length: -1", "{}") },
  { name: "a content length with a sign", request: post("Content-Length: +2", "{}") },
  {
    name: "two content lengths",
    request: post("Content-Length: 2\r\nContent-Length: 5", "{}xyz"),
  },
  {
    name: "a content length beside chunks",
    request: post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
  },
  { name: "a chunk of the size ZZ", request: post("Transfer-Encoding: chunked", "ZZ\r\n\r\n") },
  { name: "a header with a NUL", request: post("X-Test: a\0b\r\nContent-Length: 2", "{}") },
];

export function hostileHandshakeSuite(flavour: Flavour): void {
  hostileSuite("a hostile handshake", flavour, (target) => {
    for (const { name, headers } of badAuthorizations) {
      test(`${name}: closed with 4401 and a reason`, async () => {
        await using socket = await RawSocket.open({ port: target().port, headers });
        expect(socket.status).toBe(101);
        const { code, reason } = await socket.closed;
        expect(code).toBe(4401);
        expect(reason).toContain("token");
        expect(socket.frames.all).toEqual([]);
      });

      test(`${name}: 401 as JSON from the API`, async () => {
        const [, ...rest] = (headers[0] ?? "").split(": ");
        const authorization = headers.length > 1 ? `${rest}, ${rest}` : rest.join(": ");
        const answer = await target().api("/api/v1/agents", { authorization });
        expect(answer.status).toBe(401);
        expect(answer.body.error?.code).toBe("UNAUTHORIZED");
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      });
    }

    test("what is sent before the refusal is not read", async () => {
      await using socket = await RawSocket.open({ port: target().port });
      socket.text("this is no JSON");
      expect((await socket.closed).code).toBe(4401);
      expect(socket.frames.all).toEqual([]);
    });

    test("an operator's token does not make an agent: closed with 4403", async () => {
      const body = '{"role":"operator"}';
      const made = await target().api("/api/v1/tokens", { method: "POST", body });
      await using socket = await target().connect(String(made.body.token));
      expect((await socket.closed).code).toBe(4403);
    });

    test("no secret reaches the log", async () => {
      const { token } = await target().newAgent();
      await using socket = await target().connect(`${token}0`);
      await socket.closed;
      await target().serving.process.logged(/agent rejected/);
      expect(target().serving.process.lines.join("\n")).not.toContain(token.slice(-32));
    });

    for (const name of ["token", "access_token"]) {
      test(`a ${name} in the URL is refused with 400, even a right one`, async () => {
        const { token } = await target().newAgent();
        const path = `/agent?${name}=${token}`;
        const headers = [`Authorization: Bearer ${token}`];
        await using socket = await RawSocket.open({ port: target().port, path, headers });
        expect(socket.status).toBe(400);
        const answer = await target().api(`/api/v1/agents?${name}=${token}`);
        expect(answer.status).toBe(400);
        expect(answer.body.error?.message).toContain("Authorization header");
        expect(target().serving.process.lines.join("\n")).not.toContain(token);
      });
    }

    for (const origin of ["https://evil.example", "null", "http://localhost.evil", "", "same"]) {
      test(`the origin "${origin}" is refused with 403, whatever the token`, async () => {
        const { agent_id, token } = await target().newAgent();
        const own = `http://127.0.0.1:${target().port}`;
        const header = `Origin: ${origin === "same" ? own : origin}`;
        await using socket = await target().connect(token, [header]);
        expect(socket.status).toBe(403);
        expect((await target().view(agent_id)).online).toBe(false);
      });
    }

    test("a request for /agent without an upgrade is told what to do", async () => {
      const answer = await target().api("/agent");
      expect(answer.status).toBe(426);
      expect(answer.body.error?.message).toContain("WebSocket");
    });

    for (const offered of ["wsctl.v2", "chat", "wsctl.v99, chat"]) {
      test(`the subprotocol "${offered}" is not agreed to, as it is not spoken`, async () => {
        const head = handshake([`Sec-WebSocket-Protocol: ${offered}`]);
        const answer = await headOf(target().port, head);
        // Deno refuses a handshake whose subprotocols it does not know.
        expect(answer).toMatch(/^HTTP\/1\.1 (101|400) /);
        expect(answer.toLowerCase()).not.toContain("sec-websocket-protocol");
      });
    }

    test.each([
      ["without a key", handshake([], { key: "" })],
      ["by POST", handshake([], { method: "POST" })],
    ])(
      "a handshake %s is told that it is none, not that there is no such address",
      async (_n, head) => {
        const answer = await headOf(target().port, head);
        expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(answer).not.toContain("no such address");
      },
    );

    for (const { name, request } of brokenHttp) {
      test(`${name} is refused or cut off, and never taken as a job`, async () => {
        const answer = await exchange(target().port, Buffer.from(request, "latin1"));
        expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
        expect((await target().api("/api/v1/jobs")).body.items).toEqual([]);
      });
    }

    test("a header of 100 KiB is refused or cut off", async () => {
      const request = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${"a".repeat(102_400)}\r\n\r\n`;
      expect(await exchange(target().port, request)).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    });

    test("half a request is cut off before long", async () => {
      const answer = await exchange(target().port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
      expect(answer).not.toContain("200 OK");
    });
  });
}

function post(headers: string, body: string): string {
  return `POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n${body}`;
}

/** A handshake with these further headers, by hand. */
function handshake(headers: string[], { method = "GET", key = "dGhlIHNhbXBsZSBub25jZQ==" } = {}) {
  const lines = [
    `${method} /agent HTTP/1.1`,
    ...["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"],
    "Sec-WebSocket-Version: 13",
    ...(key === "" ? [] : [`Sec-WebSocket-Key: ${key}`]),
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The head of the answer to a request; the connection is closed then. */
async function headOf(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1", () => socket.write(request));
  let text = "";
  for await (const piece of socket) {
    text += String(piece);
    if (text.includes("\r\n\r\n")) break;
  }
  return text.split("\r\n\r\n")[0] ?? "";
}
