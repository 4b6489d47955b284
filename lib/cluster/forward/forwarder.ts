/**
 * What a node that does not lead does with requests: it passes them on to the leader, HTTP and
 * WebSocket alike, and adds the address of the client.
 */
import { type Context, Hono } from "hono";
import { type ClientAddresses, nodeHeader } from "../../control/auth/clientAddress.ts";
import type { Log } from "../../log/log.ts";
import { isRefused, plainReason } from "../../network/connectionError.ts";
import { type Trust, toTrust } from "../../network/trust.ts";
import { endpointPath } from "../../protocol/api/serverAddress.ts";
import type { ErrorBody } from "../../protocol/api/views.ts";
import { errorCodes, errorText, WsctlError } from "../../protocol/errors.ts";
import { bodyBytesMax } from "../../protocol/limits.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import type { Leader } from "../nats/threadMessages.ts";
import { addContentRoute } from "./contentOfNodes.ts";
import type { Relays } from "./relays.ts";
import { openSocketRelay } from "./socketRelay.ts";

export interface ForwarderOptions {
  node: string;
  /** The leader, as far as this node knows one. */
  leader(): Leader | undefined;
  /** Aborted when another node leads. */
  leaderGone(): AbortSignal;
  /** The last entry that this node has. */
  sequence(): number;
  nodeSecret: string;
  dataDir: string;
  addresses: ClientAddresses;
  relays: Relays;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

/** How long a request waits for a leader. */
const electionMs = 8_000;
const pollMs = 100;
/** Tells the node that has passed a request on to look for the leader again. */
const notLeaderHeader = "x-wsctl-not-leader";

/** Fields of one connection (RFC 9110, section 7.6.1), and those that only a node may set. */
const droppedHeaders = [
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "content-length", "forwarded", "x-forwarded-for", nodeHeader],
  ...["sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"],
];

export function createForwarder(options: ForwarderOptions): Hono {
  const { clock, log, runtime } = options;
  const app = new Hono();
  app.get("/healthz", (c) => c.json({ status: "ok", time: timestamp(clock.wall()) }));
  app.get("/readyz", (c) => {
    const leader = options.leader();
    const state = { role: "follower", node: options.node, sequence: options.sequence() };
    if (options.relays.isDraining) {
      return c.json({ status: "not ready", reason: "shutting down", ...state }, 503);
    }
    return leader === undefined
      ? c.json({ status: "not ready", reason: "no node leads the cluster", ...state }, 503)
      : c.json({ status: "ready", leader: leader.node, ...state });
  });
  addContentRoute(app, options);
  app.get("*", async (c, next) => {
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") return next();
    const relay = await openRelay(c, options);
    if ("refused" in relay) {
      const { status = 502, body = "" } = relay.refused;
      return new Response(body, { status });
    }
    return runtime.upgradeWebSocket(() => relay.events)(c, next);
  });
  app.all("*", async (c) => {
    const response = await forward(c, options);
    const headers = new Headers(response.headers);
    for (const name of ["connection", "keep-alive", "transfer-encoding"]) headers.delete(name);
    const answer = response.body === null ? null : relayBody(response.body, log);
    return new Response(answer, { status: response.status, headers });
  });
  app.onError((error, c) => {
    const code = error instanceof WsctlError ? error.code : "INTERNAL";
    if (code === "INTERNAL") log.error("request failed", { reason: errorText(error) });
    const status = errorCodes[code].http;
    const detail = code === "INTERNAL" ? errorCodes[code].meaning : error.message;
    const problem: ErrorBody = { title: code, status, detail, error: { code, message: detail } };
    if (code === "UNAVAILABLE") c.header("Retry-After", "1");
    if (error instanceof NotLeader) c.header(notLeaderHeader, "true");
    return c.json(problem, status, { "Content-Type": "application/problem+json" });
  });
  return app;
}

/** Two nodes do not agree on the leader yet, so nothing was done. */
class NotLeader extends WsctlError {
  constructor() {
    super("UNAVAILABLE", "This node does not lead the cluster. Try again");
  }
}

/**
 * Sends a request to the leader. While that refuses connections, another node is elected, and the
 * request is sent again, unless its body has gone. The same is done if it was not the leader.
 *
 * @throws {WsctlError} UNAVAILABLE or UNCONFIRMED
 */
async function forward(c: Context, options: ForwarderOptions): Promise<Response> {
  const { runtime, clock } = options;
  const { method, signal } = c.req.raw;
  const headers = forwardedHeaders(c, options);
  const body = await bodyOf(c);
  const isRepeatable = !(body instanceof ReadableStream);
  for (const until = clock.now() + electionMs; ; ) {
    const { url, trust } = addressOf(c, await findLeader(options));
    const given = AbortSignal.any([signal, options.leaderGone()]);
    const content = body === undefined ? {} : { body, duplex: "half" as const };
    const init = { method, headers, redirect: "manual" as const, signal: given, ...content };
    try {
      const response = await runtime.fetchWith(trust)(url, init);
      const isElsewhere = response.headers.has(notLeaderHeader) && isRepeatable;
      if (!isElsewhere || clock.now() >= until) return response;
      await response.body?.cancel();
      await pause(clock);
    } catch (error) {
      if (!isRepeatable || !isRefused(error) || clock.now() >= until) {
        throw lostLeader(error, method);
      }
      await pause(clock);
    }
  }
}

/** Opens a WebSocket at the leader, again and again while it refuses connections. */
async function openRelay(c: Context, options: ForwarderOptions) {
  const { runtime, clock, relays } = options;
  if (relays.isDraining) {
    throw new WsctlError("UNAVAILABLE", "This node is shutting down. Connect to another one");
  }
  const headers = forwardedHeaders(c, options);
  const offered = c.req.header("sec-websocket-protocol")?.split(",") ?? [];
  headers.delete("sec-websocket-protocol");
  for (const until = clock.now() + electionMs; ; ) {
    const { url, trust } = addressOf(c, await findLeader(options));
    const relay = await openSocketRelay(runtime, {
      url: url.replace(/^http/, "ws"),
      headers: Object.fromEntries(headers),
      protocols: offered.map((name) => name.trim()),
      trust,
      ended: options.leaderGone(),
      isAgent: c.req.path === endpointPath,
      relays,
    });
    const isAnswer = !("refused" in relay) || relay.refused.status !== undefined;
    if (isAnswer || clock.now() >= until) return relay;
    await pause(clock);
  }
}

/** A small body is kept, so that it can be sent again. */
async function bodyOf(c: Context): Promise<ArrayBuffer | ReadableStream | undefined> {
  const { method, body } = c.req.raw;
  if (method === "GET" || method === "HEAD" || body === null) return undefined;
  const length = Number(c.req.header("content-length") ?? Number.POSITIVE_INFINITY);
  return length <= bodyBytesMax ? await c.req.arrayBuffer() : body;
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(pollMs, resolve));
}

/** Waits for a leader: an election takes a few seconds. @throws {WsctlError} UNAVAILABLE */
async function findLeader({ leader, clock }: ForwarderOptions): Promise<Leader> {
  for (const until = clock.now() + electionMs; ; ) {
    const found = leader();
    if (found !== undefined) return found;
    if (clock.now() >= until) break;
    await pause(clock);
  }
  const text = "No node leads the cluster at the moment. Try again in a few seconds";
  throw new WsctlError("UNAVAILABLE", text);
}

function addressOf(c: Context, leader: Leader): { url: string; trust: Trust } {
  const { pathname, search } = new URL(c.req.url);
  const { ca, server_name } = leader;
  return { url: `${leader.url}${pathname}${search}`, trust: toTrust({ ca, server_name }) };
}

/** The leader sees the request as it came, with the address of its client. */
function forwardedHeaders(c: Context, { addresses, nodeSecret }: ForwarderOptions): Headers {
  if (addresses.isNode(c)) {
    // Two nodes that take each other for the leader would pass it on for ever.
    throw new NotLeader();
  }
  const headers = new Headers(c.req.raw.headers);
  const client = addresses.find(c);
  for (const name of droppedHeaders) headers.delete(name);
  headers.set("x-forwarded-for", client);
  // A client of HTTP decodes what it receives, so a body that is encoded could not be passed on.
  headers.set("accept-encoding", "identity");
  headers.set(nodeHeader, nodeSecret);
  return headers;
}

/** Passes a body on. If it is cut off, so is the connection to the client, which sees that. */
function relayBody(body: ReadableStream<Uint8Array>, log: Log): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        log.debug("response of the leader cut off", { reason: plainReason(error) });
        // With a reason, Bun would print its stack trace.
        controller.error();
      }
    },
    cancel: () => reader.cancel().catch(() => {}),
  });
}

/** What arrived at the leader may have had its effect, although the answer was lost. */
function lostLeader(error: unknown, method: string): WsctlError {
  const isCertain = method === "GET" || method === "HEAD" || isRefused(error);
  const reason = `the connection to the leader failed (${plainReason(error)})`;
  return isCertain
    ? new WsctlError("UNAVAILABLE", `Cannot forward the request: ${reason}. Try again`)
    : new WsctlError("UNCONFIRMED", `Cannot tell whether the request had its effect: ${reason}`);
}
