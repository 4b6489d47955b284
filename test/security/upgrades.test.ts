/** Requests with `Upgrade`, and pipelined ones: what is refused, and what remains of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { peakBytes } from "../support/processes/memory.ts";
import type { Flavour } from "../support/processes/processes.ts";
import { Target } from "../support/processes/target.ts";

const whole = {
  host: "Host: 127.0.0.1",
  connection: "Connection: Upgrade",
  upgrade: "Upgrade: websocket",
  version: "Sec-WebSocket-Version: 13",
  key: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
};

function request(changed: Partial<typeof whole>, line = "GET /agent HTTP/1.1"): string {
  const headers = Object.values({ ...whole, ...changed }).filter((header) => header !== "");
  return `${[line, ...headers].join("\r\n")}\r\n\r\n`;
}

const refused: readonly [string, string, string, string][] = [
  ["without Connection", request({ connection: "" }), "400", "Connection: Upgrade"],
  [
    "with another Connection",
    request({ connection: "Connection: close" }),
    "400",
    "Connection: Upgrade",
  ],
  ["without Upgrade", request({ upgrade: "" }), "426", "Upgrade: websocket"],
  ["to another protocol", request({ upgrade: "Upgrade: h2c" }), "426", "Upgrade: websocket"],
  [
    "of version 8",
    request({ version: "Sec-WebSocket-Version: 8" }),
    "426",
    'Sec-WebSocket-Version: 13, found "8"',
  ],
  ["without a version", request({ version: "" }), "426", "Sec-WebSocket-Version: 13"],
  ["without a key", request({ key: "" }), "400", "Sec-WebSocket-Key"],
  ["with a short key", request({ key: "Sec-WebSocket-Key: abc=" }), "400", "Sec-WebSocket-Key"],
];

describe.each(["binary", "deno"] as const)("on %s", (flavour: Flavour) => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start(flavour);
  });
  afterAll(() => target[Symbol.asyncDispose]());

  test.each(refused)("a handshake %s is refused in words", async (_name, text, status, missing) => {
    const answer = await answerTo(target.port, text);
    expect(answer).toStartWith(`HTTP/1.1 ${status} `);
    expect(answer.toLowerCase()).toContain("\r\nsec-websocket-version: 13\r\n");
    const { error } = JSON.parse(answer.split("\r\n\r\n")[1] ?? "");
    expect(error.message).toContain(`expected ${missing}`);
    expect(target.serving.process.lines.join("\n")).not.toContain("agent rejected");
  });

  test("an upgrade that is ignored is answered, and its connection does not hold up the end", async () => {
    await using target = await Target.start(flavour);
    const { process } = target.serving;
    const text = request(
      { upgrade: "Upgrade: foo", version: "", key: "" },
      "GET /healthz HTTP/1.1",
    );
    expect(await answerTo(target.port, text)).toContain('"status":"ok"');
    const before = openFiles(process.pid);
    for (let sent = 0; sent < 50; sent++) await answerTo(target.port, text);
    expect(openFiles(process.pid)).toBeLessThan(before + 10);
    await using open = await openConnection(target.port, text);
    await once(open.socket, "data");
    expect(await process.stop()).toBe(0);
  });

  test("pipelined requests whose responses nobody reads take little memory", async () => {
    const before = peakBytes(target.serving.process.pid);
    const one = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    await using open = await openConnection(target.port, one.repeat(20_000));
    open.socket.pause();
    for (let asked = 0; asked < 10; asked++) {
      expect((await target.api("/healthz")).status).toBe(200);
    }
    const megabyte = 1024 * 1024;
    expect(peakBytes(target.serving.process.pid) - before).toBeLessThan(150 * megabyte);
  });
});

test("under Deno, a handshake by HTTP/1.0 is refused", async () => {
  await using target = await Target.start("deno");
  const answer = await answerTo(target.port, request({}, "GET /agent HTTP/1.0"));
  expect(answer).toStartWith("HTTP/1.1 400 ");
  expect(answer).toContain("expected HTTP/1.1");
});

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function openConnection(port: number, text: string) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return { socket, [Symbol.asyncDispose]: async () => void socket.destroy() };
}

/** The response, up to the end of its body or of the connection. */
async function answerTo(port: number, text: string): Promise<string> {
  await using open = await openConnection(port, text);
  let answer = "";
  for await (const piece of open.socket) {
    answer += String(piece);
    const [head = "", body] = answer.split("\r\n\r\n");
    const length = /content-length: (\d+)/i.exec(head)?.[1];
    if (body !== undefined && body.length >= Number(length ?? 0)) break;
  }
  return answer;
}
