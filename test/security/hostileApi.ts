/** The operators' API against bodies, queries and callers that it must refuse. */
import { expect, test } from "bun:test";
import { bodyBytesMax, depthMax, parametersBytesMax } from "../../lib/protocol/limits.ts";
import { exchange } from "../support/clients/rawSocket.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { hostileSuite } from "./hostileSuite.ts";

const order = { command: "ping", target: { agents: ["agent-1"] } };

/** Orders that have the wrong shape, and the word by which the answer names what is wrong. */
const wrongOrders: readonly { body: unknown; names: string }[] = [
  { body: null, names: "" },
  { body: [], names: "" },
  { body: "ping", names: "" },
  { body: {}, names: "command" },
  { body: { ...order, command: undefined }, names: "command" },
  { body: { ...order, command: 7 }, names: "command" },
  { body: { ...order, command: "" }, names: "command" },
  { body: { ...order, command: "c".repeat(1_024) }, names: "command" },
  { body: { ...order, command: "a\nb" }, names: "command" },
  { body: { ...order, target: undefined }, names: "target" },
  { body: { ...order, target: "agent-1" }, names: "target" },
  { body: { ...order, target: {} }, names: "target" },
  { body: { ...order, target: { agents: [] } }, names: "target" },
  { body: { ...order, target: { agents: ["../x"] } }, names: "target" },
  { body: { ...order, target: { agents: [""] } }, names: "target" },
  { body: { ...order, target: { all: false } }, names: "target" },
  { body: { ...order, target: { agents: ["agent-1"], all: true } }, names: "target" },
  { body: { ...order, parameters: [] }, names: "parameters" },
  { body: { ...order, parameters: "x" }, names: "parameters" },
  { body: { ...order, timeout_seconds: 0 }, names: "timeout_seconds" },
  { body: { ...order, timeout_seconds: "30" }, names: "timeout_seconds" },
  { body: { ...order, ttl_seconds: 1e9 }, names: "ttl_seconds" },
  { body: { ...order, ttl: 5 }, names: "ttl" },
];

const wrongTokens: readonly unknown[] = [
  {},
  { role: "root" },
  { role: "agent" },
  { role: "agent", agent_id: "UPPER" },
  { role: "agent", agent_id: "a/b" },
  { role: "operator", agent_id: "agent-1" },
];

const routes: readonly [string, string][] = [
  ["GET", "/api/v1/jobs"],
  ["POST", "/api/v1/jobs"],
  ["GET", "/api/v1/jobs/x"],
  ["GET", "/api/v1/jobs/x/outcomes"],
  ["GET", "/api/v1/agents"],
  ["GET", "/api/v1/agents/x"],
  ["POST", "/api/v1/tokens"],
  ["GET", "/api/v1/tokens"],
  ["DELETE", "/api/v1/tokens/x"],
  ["GET", "/api/v1/whoami"],
  ["GET", "/api/v1/artifacts"],
  ["DELETE", "/api/v1/artifacts/x"],
];

/** An agent may ask these, and is told what it may have. */
const sharedRoutes: readonly [string, string][] = [
  ["POST", "/api/v1/artifacts"],
  ["GET", "/api/v1/artifacts/x"],
  ["POST", "/api/v1/artifacts/x/complete"],
];

const noRoutes: readonly [string, string][] = [
  ["GET", "/nothing"],
  ["GET", "/api"],
  ["GET", "/api/v1"],
  ["GET", "/api/v2/jobs"],
  ["PUT", "/api/v1/jobs"],
  ["DELETE", "/api/v1/jobs/x"],
  ["GET", "/API/v1/jobs"],
  ["GET", "/setup"],
  ["GET", "/debug"],
];

export function hostileApiSuite(flavour: Flavour): void {
  hostileSuite("a hostile caller of the API", flavour, (target) => {
    const post = (body: string) => target().api("/api/v1/jobs", { method: "POST", body });

    for (const { body, names } of wrongOrders) {
      test(`the job request ${JSON.stringify(body).slice(0, 80)} is refused by name`, async () => {
        const answer = await post(JSON.stringify(body));
        expect({ status: answer.status, code: answer.body.error?.code }).toEqual({
          status: 400,
          code: "MALFORMED",
        });
        expect(answer.body.error?.message).toContain(names);
      });
    }

    for (const body of wrongTokens) {
      test(`the token order ${JSON.stringify(body)} is refused`, async () => {
        const text = JSON.stringify(body);
        const answer = await target().api("/api/v1/tokens", { method: "POST", body: text });
        expect({ status: answer.status, code: answer.body.error?.code }).toEqual({
          status: 400,
          code: "MALFORMED",
        });
      });
    }

    for (const body of ["", "{", "nul", '{"command":"ping",}', "\0"]) {
      test(`the body ${JSON.stringify(body)} is no JSON`, async () => {
        const answer = await post(body);
        expect(answer.status).toBe(400);
        expect(answer.body.error?.message).toBe("Body is not JSON");
      });
    }

    test(`nesting deeper than ${depthMax} levels is refused before it is parsed`, async () => {
      const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
      const text = `{"command":"ping","parameters":{"a":${nested(100_000)}}}`;
      const answer = await post(text);
      expect(answer.status).toBe(400);
      expect(answer.body.error?.message).toContain("nested deeper");
    });

    test("a body over the limit is refused with 413", async () => {
      const answer = await post(`{"command":"${"x".repeat(bodyBytesMax)}"}`);
      expect(answer.status).toBe(413);
      expect(answer.body.error?.code).toBe("TOO_LARGE");
    });

    test("a body over the limit in chunks is refused with 413, or cut off", async () => {
      const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
      const count = Math.ceil(bodyBytesMax / 65_536) + 1;
      const { token } = JSON.parse(
        JSON.stringify(await target().api("/api/v1/tokens", { method: "POST", body: operator })),
      ).body;
      const head = [
        "POST /api/v1/jobs HTTP/1.1",
        "Host: localhost",
        `Authorization: Bearer ${token}`,
        "Connection: close",
        "Transfer-Encoding: chunked",
      ].join("\r\n");
      const request = `${head}\r\n\r\n${chunk.repeat(count)}0\r\n\r\n`;
      expect(await exchange(target().port, request)).toMatch(/^(HTTP\/1\.1 413 |$)/);
    });

    test("parameters over their limit are refused with 413", async () => {
      const { agent_id } = await target().newAgent();
      const parameters = { filler: "x".repeat(parametersBytesMax) };
      const answer = await post(
        JSON.stringify({ command: "ping", target: { agents: [agent_id] }, parameters }),
      );
      expect({ status: answer.status, code: answer.body.error?.code }).toEqual({
        status: 413,
        code: "TOO_LARGE",
      });
    });

    test("keys named like an object's own stay plain keys of the parameters", async () => {
      await using agent = await target().agent();
      const parameters = '{"__proto__":{"admin":true},"constructor":1}';
      const body = `{"command":"x","target":{"agents":["${agent.id}"]},"parameters":${parameters}}`;
      expect((await post(body)).status).toBe(202);
      const frame = await agent.socket.frames.first("command", (each) => each);
      expect(frame.payload.toString()).toContain(`"parameters":${parameters}`);
    });

    for (const limit of ["-1", "abc", "0", "1e9", "1.5", "", "99999999999999999999"]) {
      test(`limit=${limit} is refused`, async () => {
        for (const path of ["jobs", "agents"]) {
          const answer = await target().api(`/api/v1/${path}?limit=${limit}`);
          expect(answer.status).toBe(400);
          expect(answer.body.error?.message).toContain('"limit"');
        }
      });
    }

    for (const [method, path] of noRoutes) {
      test(`${method} ${path} is not there`, async () => {
        const body = method === "PUT" ? { body: "{}" } : {};
        const answer = await target().api(path, { method, ...body });
        expect(answer.status).toBe(404);
        expect(answer.body.error?.code).toBe("NOT_FOUND");
      });
    }

    test("another spelling of a path gives no access", async () => {
      for (const path of ["//api/v1/agents", "/api/v1/../v1/agents", "/api/v1/%61gents"]) {
        const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
        expect(await exchange(target().port, request)).toMatch(/^HTTP\/1\.1 (400|401|404) /);
      }
    });

    for (const [method, path] of sharedRoutes) {
      test(`${method} ${path} is closed to no token`, async () => {
        const body = method === "POST" ? { body: JSON.stringify(order) } : {};
        const nobody = await target().api(path, { method, authorization: "", ...body });
        expect(nobody.status).toBe(401);
      });
    }

    test("the content of artifacts is closed to every token, and open to signed URLs alone", async () => {
      for (const method of ["GET", "HEAD", "PUT"]) {
        expect((await target().api("/artifacts/x", { method })).status).toBe(403);
      }
    });

    for (const [method, path] of routes) {
      test(`${method} ${path} is closed to no token, and to an agent's`, async () => {
        const { token } = await target().newAgent();
        const body = method === "POST" ? { body: JSON.stringify(order) } : {};
        const nobody = await target().api(path, { method, authorization: "", ...body });
        expect(nobody.status).toBe(401);
        const authorization = `Bearer ${token}`;
        const agent = await target().api(path, { method, authorization, ...body });
        expect({ status: agent.status, code: agent.body.error?.code }).toEqual({
          status: 403,
          code: "FORBIDDEN",
        });
      });
    }

    test("an operator may not make, list or revoke tokens", async () => {
      const made = await target().api("/api/v1/tokens", { method: "POST", body: operator });
      const authorization = `Bearer ${made.body.token}`;
      const tokens = "/api/v1/tokens";
      for (const [method, path] of [
        ["POST", tokens],
        ["GET", tokens],
        ["DELETE", `${tokens}/${made.body.token_id}`],
      ] as const) {
        const body = method === "POST" ? { body: '{"role":"admin"}' } : {};
        expect((await target().api(path, { method, authorization, ...body })).status).toBe(403);
      }
    });

    test("health says nothing about agents, and nothing else is open", async () => {
      const health = await target().api("/healthz", { authorization: "" });
      expect(Object.keys(health.body).sort()).toEqual(["status", "time"]);
    });
  });
}

const operator = '{"role":"operator"}';
