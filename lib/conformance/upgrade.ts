/** Opening handshakes of both sides (RFC 6455, section 4). */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { findProxy } from "../network/proxyRules.ts";
import type { Trust } from "../network/trust.ts";
import { openTcp, openTls } from "../network/tunnel.ts";
import { connectTimeoutMs } from "../protocol/limits.ts";
import type { Attempt } from "./attempts.ts";
import { Link } from "./link.ts";

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const headEnd = "\r\n\r\n";

/** What the suite's server does with the next upgrade. */
export type UpgradeAnswer = "accept" | "refuse";

export interface UpgradeServer {
  port: number;
  /** Every upgrade request that came, also refused ones. */
  attempts: (Attempt & { path: string })[];
  answer: UpgradeAnswer;
  close(): void;
}

/** Listens on the loopback address, and hands over each accepted connection. */
export function listen(
  port: number,
  host: string,
  onLink: (link: Link) => void,
): Promise<UpgradeServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    readHead(socket, (head, rest) => {
      const { start, headers } = parseHead(head);
      const path = start.split(" ")[1] ?? "";
      opened.attempts.push({ at: performance.now(), path, headers });
      const key = headers["sec-websocket-key"];
      if (opened.answer === "refuse" || key === undefined) {
        const status = key === undefined ? "426 Upgrade Required" : "503 Service Unavailable";
        socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close${headEnd}`);
        return;
      }
      const accept = createHash("sha1")
        .update(key + guid)
        .digest("base64");
      const upgrade =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
      // No subprotocol is agreed to: what is tested is the standard.
      socket.write(`${upgrade}\r\nSec-WebSocket-Accept: ${accept}${headEnd}`);
      onLink(new Link(socket, { isClient: false, path, headers, rest }));
    });
  });
  const opened: UpgradeServer = {
    port: 0,
    attempts: [],
    answer: "accept",
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      opened.port = typeof address === "object" && address !== null ? address.port : port;
      resolve(opened);
    });
  });
}

export interface DialOptions {
  /** `ws://…` or `wss://…`. */
  url: string;
  trust: Trust;
  headers: Record<string, string>;
}

/** The link, or the status of a refused upgrade. */
export type Dialled = { link: Link; status: 101 } | { link?: never; status: number };

export async function dial({ url, trust, headers }: DialOptions): Promise<Dialled> {
  const target = new URL(url);
  const http = new URL(url.replace(/^ws/, "http"));
  const dial = { proxy: findProxy(http, process.env), timeoutMs: connectTimeoutMs };
  const socket: Socket =
    http.protocol === "https:" ? await openTls(http, trust, dial) : await openTcp(http, dial);
  const key = randomBytes(16).toString("base64");
  const lines = [
    `GET ${target.pathname}${target.search} HTTP/1.1`,
    ...[`Host: ${target.host}`, "Upgrade: websocket", "Connection: Upgrade"],
    ...[`Sec-WebSocket-Key: ${key}`, "Sec-WebSocket-Version: 13"],
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${lines.join("\r\n")}${headEnd}`);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("the connection closed during the handshake")));
    readHead(socket, (head, rest) => {
      const parsed = parseHead(head);
      const status = Number(parsed.start.split(" ")[1]);
      if (status !== 101) {
        socket.destroy();
        return resolve({ status });
      }
      const { pathname: path } = target;
      resolve({
        status: 101,
        link: new Link(socket, { isClient: true, path, headers: parsed.headers, rest }),
      });
    });
  });
}

function readHead(socket: Socket, done: (head: string, rest: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const onData = (more: Buffer) => {
    bytes = Buffer.concat([bytes, more]);
    const end = bytes.indexOf(headEnd);
    if (end < 0) return;
    socket.off("data", onData);
    done(bytes.toString("latin1", 0, end), bytes.subarray(end + headEnd.length));
  };
  socket.on("data", onData);
}

function parseHead(head: string): { start: string; headers: Record<string, string> } {
  const [start = "", ...lines] = head.split("\r\n");
  const pairs = lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()] as const;
  });
  return { start, headers: Object.fromEntries(pairs) };
}
