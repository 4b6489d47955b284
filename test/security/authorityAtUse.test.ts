/**
 * Authority is checked where it is used: a credential that ends while its request is on the way
 * changes nothing and learns nothing, on any route.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { routes } from "../../lib/control/http/routes.ts";
import type { NewToken, TokenRequest } from "../../lib/protocol/api/tokens.ts";
import { RawSocket } from "../support/clients/rawSocket.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";

setDefaultTimeout(60_000);

const sum = (text: string) => createHash("sha256").update(text).digest("hex");
const job = { command: "ping", target: { agents: ["agent-1"] } };

/** For each route that takes a body: who sends it, and a body that would be accepted. */
const requests: Record<string, { role: TokenRequest["role"]; body: object }> = {
  "POST /api/v1/jobs": { role: "operator", body: job },
  "POST /api/v1/jobs/:job_id/retry": { role: "operator", body: { which: ["failed"] } },
  "POST /api/v1/jobs/:job_id/stream": { role: "operator", body: {} },
  "POST /api/v1/targets": { role: "viewer", body: { target: { all: true } } },
  "POST /api/v1/agents/:agent_id/labels": { role: "admin", body: { labels: { env: "prod" } } },
  "POST /api/v1/schedules": {
    role: "operator",
    body: { name: "late", timing: { every_seconds: 3600 }, job },
  },
  "POST /api/v1/templates": { role: "operator", body: { name: "late", job } },
  "POST /api/v1/templates/:name/run": { role: "operator", body: {} },
  "POST /api/v1/saved-targets": { role: "operator", body: { name: "late", selector: "a=b" } },
  "POST /api/v1/webhooks": {
    role: "admin",
    body: { name: "late", url: "https://hooks.example/", events: ["job.ended"] },
  },
  "POST /api/v1/tokens": { role: "admin", body: { role: "admin" } },
  "POST /api/v1/artifacts": { role: "admin", body: { name: "x", bytes: 1, sha256: sum("x") } },
  "POST /api/v1/releases": { role: "admin", body: { release: {}, artifacts: {} } },
  "POST /api/v1/join": { role: "join", body: {} },
  "POST /api/v1/agent-key": { role: "agent", body: {} },
};

const withBody = routes.filter(({ body }) => body !== undefined);

describe("routes that change something", () => {
  test("decide before they wait for anything", () => {
    const late = routes.filter(
      ({ method, handle }) => method !== "GET" && handle.constructor.name === "AsyncFunction",
    );
    expect(late.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  test("each have a case below if they take a body", () => {
    const cases = withBody.map(({ method, path }) => `${method} ${path}`);
    expect(cases.sort()).toEqual(Object.keys(requests).sort());
  });
});

describe.each(["binary", "deno"] as const)("on %s", (flavour: Flavour) => {
  let target: Target;
  let jobId = "";

  beforeAll(async () => {
    target = await Target.start(flavour);
    await target.newAgent();
    ({ jobId } = await target.send("ping", ["agent-1"]));
  });
  afterAll(() => target[Symbol.asyncDispose]());

  const create = async (order: object) => {
    const made = await target.api("/api/v1/tokens", {
      method: "POST",
      body: JSON.stringify(order),
    });
    return made.body as unknown as NewToken;
  };
  const revoke = (id: string) => target.api(`/api/v1/tokens/${id}`, { method: "DELETE" });
  const tokenFor = (role: TokenRequest["role"]) =>
    create({ role, ...(role === "agent" ? { agent_id: "agent-1" } : {}) });
  /** All that an operator may change, as it stands. */
  const state = async () => {
    const lists = ["templates", "saved-targets", "webhooks"];
    const paths = ["jobs", "schedules", "agents", "artifacts", "releases", "tokens", ...lists];
    const pages = await Promise.all(paths.map((path) => target.api(`/api/v1/${path}`)));
    const now = pages.map(({ body }) => body.items as Record<string, unknown>[]);
    // A revoked token says so; that is the only difference that may be.
    return now.map((items) => items.map(({ revoked_at: _at, state: _state, ...rest }) => rest));
  };

  test.each(withBody.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s refuses a body that arrives after its token was revoked",
    async (name, { path }) => {
      const { role = "admin", body = {} } = requests[name] ?? {};
      const { token, token_id } = await tokenFor(role);
      const before = await state();
      const url = path.replace(":job_id", jobId).replace(":agent_id", "agent-1");
      const held = await HeldRequest.begin(target.port, url, token, JSON.stringify(body));
      // Answered after the held request's headers were: both came in this order.
      await target.api("/api/v1/whoami", { authorization: `Bearer ${token}` });
      expect((await revoke(token_id)).status).toBe(200);
      expect(await held.finish()).toBe(401);
      expect(await state()).toEqual(before);
    },
  );

  test("a body that arrives after its token has expired is refused", async () => {
    const { token } = await create({ role: "admin", expires_in_seconds: 1 });
    const held = await HeldRequest.begin(target.port, "/api/v1/tokens", token, '{"role":"admin"}');
    const isOver = async () =>
      (await target.api("/api/v1/whoami", { authorization: `Bearer ${token}` })).status === 401;
    while (!(await isOver()));
    expect(await held.finish()).toBe(401);
  });

  test("a body that arrives after its token was rotated is refused", async () => {
    const { token, token_id } = await tokenFor("admin");
    const held = await HeldRequest.begin(target.port, "/api/v1/tokens", token, '{"role":"admin"}');
    await target.api(`/api/v1/tokens/${token_id}/rotate`, { method: "POST" });
    expect(await held.finish()).toBe(401);
  });

  describe("an artifact's transfer", () => {
    const bytes = 32 * 1024 * 1024;
    const content = Buffer.alloc(bytes, "wsctl");
    const order = { name: "large", bytes, sha256: sum(content.toString()) };

    async function ordered(token: string): Promise<{ id: string; url: string }> {
      const authorization = `Bearer ${token}`;
      const body = JSON.stringify(order);
      const made = await target.api("/api/v1/artifacts", { method: "POST", body, authorization });
      const { artifact_id: id, upload } = made.body as {
        artifact_id: string;
        upload: { url: string };
      };
      return { id, url: upload.url };
    }

    test("an upload ends when its token is revoked, and the artifact never becomes ready", async () => {
      const { token, token_id } = await tokenFor("admin");
      const { id, url } = await ordered(token);
      const socket = await open(target.port);
      const head = `PUT ${url} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nContent-Length: ${bytes}\r\n\r\n`;
      socket.write(head);
      socket.write(content.subarray(0, 1024 * 1024));
      const offset = async () => {
        const { headers } = await fetch(`${target.serving.url}${url}`, { method: "HEAD" });
        return Number(headers.get("upload-offset"));
      };
      // Bytes that nobody has read would reset the connection, and the response with it.
      while ((await offset()) < 1024 * 1024);
      await revoke(token_id);
      expect(await statusOf(socket)).toBe(403);
      expect((await target.api(`/api/v1/artifacts/${id}`)).body.state).toBe("uploading");
      await target.api(`/api/v1/artifacts/${id}`, { method: "DELETE" });
    });

    test("a download ends when its token is revoked, and cannot be taken for complete", async () => {
      const { id, url } = await ordered(target.admin);
      await fetch(`${target.serving.url}${url}`, { method: "PUT", body: content });
      const done = await target.api(`/api/v1/artifacts/${id}/complete`, { method: "POST" });
      expect(done.body.state).toBe("ready");
      const { token, token_id } = await tokenFor("operator");
      const authorization = `Bearer ${token}`;
      const shown = await target.api(`/api/v1/artifacts/${id}`, { authorization });
      const { download } = shown.body as { download: { url: string } };
      const response = await fetch(`${target.serving.url}${download.url}`);
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      let received = (await reader.read()).value?.length ?? 0;
      await revoke(token_id);
      const rest = async () => {
        for (;;) {
          const { done: isDone, value } = await reader.read();
          if (isDone) return "complete";
          received += value.length;
        }
      };
      await expect(rest()).rejects.toThrow();
      expect(received).toBeLessThan(bytes);
      const { process } = target.serving;
      await using later = await RawSocket.open({ port: target.port });
      await Promise.all([later.closed, process.logged(/agent rejected/)]);
      const { lines } = process;
      expect(lines.filter((line) => !/^\S+Z (DEBUG|INFO|WARN|ERROR) /.test(line))).toEqual([]);
    });
  });
});

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

/** The status of the one response, once the other side has said all of its head. */
async function statusOf(socket: Socket): Promise<number> {
  let text = "";
  for await (const piece of socket) {
    text += String(piece);
    if (text.includes("\r\n\r\n")) break;
  }
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}

/** A request whose headers have arrived while most of its body is held back. */
class HeldRequest {
  readonly #socket: Socket;
  readonly #rest: string;

  private constructor(socket: Socket, rest: string) {
    this.#socket = socket;
    this.#rest = rest;
  }

  static async begin(
    port: number,
    path: string,
    token: string,
    body: string,
  ): Promise<HeldRequest> {
    const socket = await open(port);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${token}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ];
    await new Promise((resolve) => socket.write(`${head.join("\r\n")}\r\n\r\n${body[0]}`, resolve));
    return new HeldRequest(socket, body.slice(1));
  }

  finish(): Promise<number> {
    this.#socket.write(this.#rest);
    return statusOf(this.#socket);
  }
}
