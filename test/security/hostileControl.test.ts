/** An agent whose control plane is somebody else's: it gives nothing away, and goes on. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { Running, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const token = `wsctl-0123456789ab-${"5".repeat(64)}`;

/** Answers every connection's first request with what it is told to. */
class Impostor implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: (request: string, socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      let head = "";
      socket.on("data", (bytes) => {
        if (head.includes("\r\n\r\n")) return;
        head += bytes.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        this.requests.push(head);
        answer(head, socket);
      });
    });
  }

  static async start(answer: (request: string, socket: Socket) => void): Promise<Impostor> {
    const impostor = new Impostor(answer);
    await new Promise<void>((resolve) => impostor.#server.listen(0, "127.0.0.1", resolve));
    return impostor;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function upgraded(request: string, more = "", accept?: string): string {
  const [, key = ""] = /sec-websocket-key: (\S+)/i.exec(request) ?? [];
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const right = createHash("sha1")
    .update(key + guid)
    .digest("base64");
  return [
    ...["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"],
    `Sec-WebSocket-Accept: ${accept ?? right}`,
    ...(/wsctl\.v1/.test(request) ? ["Sec-WebSocket-Protocol: wsctl.v1"] : []),
    ...(more === "" ? [] : [more]),
    "\r\n",
  ].join("\r\n");
}

/** A text frame's head that announces so many bytes. */
function frameHead(length: number, first = 0x81): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt8(first, 0);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function peakBytes(pid: number): number {
  const [, peak] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(peak) * 1024;
}

describe.each(["binary", "deno"] as const)("an agent on %s, lured to a stranger,", (flavour) => {
  const lure = (port: number, dir: string) =>
    new Running(
      [
        ...[...wsctlCommand(flavour), "agent", "--id", "web-1", "--data-dir", dir],
        ...["--server", `ws://127.0.0.1:${port}`],
      ],
      { env: { WSCTL_TOKEN: token } },
    );

  test.each([301, 302, 303, 307, 308])("follows no redirect: %d", async (status) => {
    using dir = temporaryDir();
    await using elsewhere = await Impostor.start((_request, socket) => socket.end());
    const place = `http://127.0.0.1:${elsewhere.port}/agent`;
    await using here = await Impostor.start((_request, socket) => {
      socket.end(`HTTP/1.1 ${status} Elsewhere\r\nLocation: ${place}\r\nContent-Length: 0\r\n\r\n`);
    });
    await using agent = lure(here.port, `${dir}`);
    await agent.logged(/cannot connect/);
    await agent.logged(/cannot connect/, agent.lines.length);
    expect(elsewhere.requests).toEqual([]);
    expect(agent.hasExited).toBe(false);
  });

  test.each<[string, (request: string, socket: Socket) => void]>([
    ["a wrong Sec-WebSocket-Accept", (r, socket) => socket.write(upgraded(r, "", "AAAA"))],
    ["no HTTP at all", (_, socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")],
    ["NULs", (_, socket) => socket.end(Buffer.alloc(4096))],
    ["half of an answer", (_, socket) => socket.end("HTTP/1.1 101 Swi")],
    ["200 and a page", (_, socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")],
    ["500", (_, socket) => socket.end("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")],
    ["nothing, and hangs up", (_, socket) => socket.destroy()],
    [
      "headers without end",
      (_, socket) => {
        socket.write("HTTP/1.1 101 Switching\r\n");
        for (let count = 0; count < 1_000; count++)
          socket.write(`X-${count}: ${"a".repeat(1_000)}\r\n`);
      },
    ],
  ])("is not connected by %s, and tries again", async (_what, answer) => {
    using dir = temporaryDir();
    await using impostor = await Impostor.start(answer);
    await using agent = lure(impostor.port, `${dir}`);
    await agent.logged(/cannot connect|lost the connection|connection lost|disconnected/i);
    expect(agent.lines.join("\n")).not.toMatch(/ connected$/m);
    expect(agent.lines.join("\n")).not.toContain(token);
    expect(agent.hasExited).toBe(false);
  });

  test.each<[string, (socket: Socket) => void]>([
    ["a message of 200 MB", (socket) => pour(socket, frameHead(200_000_000), 200)],
    ["a length of 2^62", (socket) => socket.write(frameHead(2 ** 62))],
    ["fragments without end", (socket) => pour(socket, frameHead(1_000_000, 0x01), 200)],
    ["compressed frames that were not agreed on", (socket) => socket.write(frameHead(1_000, 0xc1))],
    ["an unknown opcode", (socket) => socket.write(Buffer.from([0x83, 0x00]))],
    ["a text that is no UTF-8", (socket) => socket.write(Buffer.from([0x81, 2, 0xff, 0xfe]))],
  ])("survives %s", async (_what, attack) => {
    using dir = temporaryDir();
    await using impostor = await Impostor.start((request, socket) => {
      socket.write(upgraded(request));
      attack(socket);
    });
    await using agent = lure(impostor.port, `${dir}`);
    await agent.logged(/next attempt|connection/i);
    expect(agent.hasExited).toBe(false);
    expect(peakBytes(agent.pid)).toBeLessThan(220_000_000);
  });

  test("agent: pauses between connection attempts to a server that closes at once", async () => {
    using dir = temporaryDir();
    await using impostor = await Impostor.start((request, socket) => {
      // Accepted, and sent away at once: 1012, come back.
      socket.write(upgraded(request));
      socket.end(Buffer.from([0x88, 2, 0x03, 0xf4]));
    });
    await using agent = lure(impostor.port, `${dir}`);
    for (let count = 0; count < 3; count++) {
      await agent.logged(/next attempt/, agent.lines.length - 1);
      await agent.logged(/next attempt/, agent.lines.length);
    }
    const waits = agent.lines.flatMap((line) => /next attempt in ([\d.]+) s/.exec(line)?.[1] ?? []);
    expect(waits.length).toBeGreaterThanOrEqual(3);
    expect(impostor.requests.length).toBeLessThan(20);
  });
});

/** So many megabytes behind a frame's head, as fast as they are taken. */
function pour(socket: Socket, head: Buffer, megabytes: number): void {
  socket.write(head);
  const chunk = Buffer.alloc(1_000_000, 0x61);
  let left = megabytes;
  const more = () => {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(chunk)) return;
  };
  socket.on("drain", more);
  more();
}
