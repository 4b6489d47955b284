/**
 * `GET /agent`: the WebSocket endpoint of agents (RFC 6455). An agent is authenticated before any
 * message is read. An agent that proves a key is accepted or rejected by the HTTP upgrade. An agent
 * with a bearer token is rejected after the upgrade with a close code of 4000 or above, because
 * WebSocket clients cannot read the reason of a failed upgrade.
 */
import type { Context, Hono } from "hono";
import type { WSEvents } from "hono/ws";
import type { Log } from "../../log/log.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { sendQueueBytesMax } from "../../protocol/limits.ts";
import { timestamp } from "../../protocol/timestamp.ts";
import { type CloseName, closeCodes } from "../../protocol/wire/closeCodes.ts";
import { type Challenge, proofScheme } from "../../protocol/wire/keyProof.ts";
import { probeSubprotocol, subprotocol } from "../../protocol/wire/version.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Clock } from "../../time/clock.ts";
import type { RefusalLog, RefusedRequest } from "../audit/auditRequest.ts";
import { type Authenticator, parseCounter } from "../auth/authenticator.ts";
import type { ClientAddresses } from "../auth/clientAddress.ts";
import { TooManyFailures } from "../auth/failedAttempts.ts";
import type { Revocations } from "../auth/revocation.ts";
import type { Engine } from "../engine/engine.ts";
import type { StoredToken } from "../journal/tables/tokenTable.ts";
import { describeClose } from "./describeClose.ts";
import type { DescriptorReserve } from "./descriptorReserve.ts";
import { findHandshakeFault, refuseHandshake } from "./handshake.ts";
import { Probe } from "./probe.ts";

export interface AgentRouteOptions {
  engine: Engine;
  authenticator: Authenticator;
  addresses: ClientAddresses;
  descriptors: DescriptorReserve;
  refusals: RefusalLog;
  revocations: Revocations;
  runtime: Runtime;
  clock: Clock;
  log: Log;
}

/** The token of an accepted agent, or the close code for a rejected one. */
type Caller = { token: StoredToken } | { refused: CloseName };

export function addAgentRoute(app: Hono, options: AgentRouteOptions): void {
  const { authenticator, clock, runtime } = options;
  app.get("/agent/challenge", (c) => {
    const now = clock.now();
    const nonce = authenticator.nonces.make(now);
    const body: Challenge = {
      nonce,
      control_id: authenticator.controlId,
      time: timestamp(clock.wall()),
    };
    return c.json(body);
  });
  app.get(
    "/agent",
    async (c, next) => {
      const fault = findHandshakeFault(c);
      if (fault !== undefined) return refuseHandshake(c, fault);
      refuseWithoutRoom(c, options);
      await next();
    },
    runtime.upgradeWebSocket((c) => agentEvents(c, authenticateCaller(c, options), options)),
    (c) => refuseHandshake(c, { status: 400, expected: "HTTP/1.1" }),
  );
  app.all("/agent", (c) => refuseHandshake(c, { status: 426, expected: "GET" }));
}

const retrySeconds = 30;

/**
 * Checked before authentication: the remaining descriptors are reserved for the API and for
 * connected agents.
 */
function refuseWithoutRoom(c: Context, { descriptors, addresses, log }: AgentRouteOptions): void {
  if (!descriptors.isShort) return descriptors.take();
  const text = "No file descriptors left for further agents. Try again later";
  log.warn("agent rejected", { address: addresses.find(c), reason: text });
  c.header("Retry-After", String(retrySeconds));
  c.header("Connection", "close");
  throw new WsctlError("UNAVAILABLE", text);
}

function authenticateCaller(c: Context, options: AgentRouteOptions): Caller {
  const { authenticator, addresses, log } = options;
  const authorization = c.req.header("authorization");
  const address = addresses.find(c);
  try {
    const purpose = isProbe(c) ? "call" : "connect";
    const token = authenticator.identify({ authorization, address, purpose });
    return token.agentId === undefined || token.role !== "agent"
      ? { refused: "forbidden" }
      : { token };
  } catch (error) {
    if (!(error instanceof WsctlError)) throw error;
    log.warn("agent rejected", { address, reason: error.message });
    if (!(error instanceof TooManyFailures)) record({ address, code: error.code }, options);
    const isProof = authorization?.startsWith(`${proofScheme} `) ?? false;
    if (isProof || error instanceof TooManyFailures) throw error;
    return { refused: "unauthorized" };
  }
}

/** A check proves the key as a call does, because it must not advance the connection counter. */
function isProbe(c: Context): boolean {
  return c.req.header("sec-websocket-protocol")?.trim() === probeSubprotocol;
}

interface Opening {
  caller: Caller;
  authorization: string | undefined;
  isProbe: boolean;
}

function agentEvents(c: Context, from: Caller, options: AgentRouteOptions): WSEvents {
  const { engine, addresses, runtime, clock, log } = options;
  const address = addresses.find(c);
  // Released after the handshake: connections live for weeks.
  let opening: Opening | undefined = {
    caller: from,
    authorization: c.req.header("authorization"),
    isProbe: isProbe(c),
  };
  let sessionId: number | undefined;
  let probe: Probe | undefined;
  return {
    onOpen(_event, ws) {
      if (opening === undefined) return;
      const { caller, authorization, isProbe } = opening;
      opening = undefined;
      const socket = runtime.serverSocket(ws, sendQueueBytesMax);
      const refused =
        "refused" in caller
          ? caller.refused
          : buildRefusal(caller.token, { authorization, address, isProbe }, options);
      if (refused !== undefined || "refused" in caller) {
        const { code, meaning } = closeCodes[refused ?? "unauthorized"];
        if (isProbe) return socket.close(code, meaning);
        log.warn("agent rejected", { address, reason: meaning });
        if ("token" in caller) {
          const { tokenId: actor, role } = caller.token;
          record({ address, actor, role, code: "FORBIDDEN" }, options);
        }
        return socket.close(code, meaning);
      }
      const { agentId = "", tokenId } = caller.token;
      if (isProbe) {
        probe = new Probe(agentId, socket, clock);
        return;
      }
      const v1 = ws.protocol === subprotocol;
      sessionId = engine.connectionOpened({ agentId, tokenId, isExtended: v1, address }, socket);
    },
    onMessage(event, ws) {
      if (probe !== undefined && typeof event.data === "string") return probe.received(event.data);
      if (sessionId === undefined) return;
      const { data } = event;
      if (typeof data === "string") return engine.messageReceived(sessionId, data);
      const { code, meaning } = closeCodes.binaryFrame;
      if (ws.protocol !== subprotocol) return ws.close(code, meaning);
      engine.messageReceived(sessionId, new Uint8Array(data as ArrayBuffer));
    },
    onClose({ code, reason }) {
      probe?.ended();
      if (sessionId === undefined) return;
      engine.connectionClosed(sessionId, describeClose(code, reason));
    },
    onError(event) {
      log.warn("connection failed", {
        address,
        reason: errorText((event as ErrorEvent).error),
      });
    },
  };
}

function record(
  who: Omit<RefusedRequest, "action">,
  { refusals: refusalLog }: AgentRouteOptions,
): void {
  refusalLog.record({ ...who, action: "agent.connect" });
}

/** Builds the rejection of an authenticated agent that may not connect. */
function buildRefusal(
  token: StoredToken,
  opening: { authorization: string | undefined; address: string; isProbe: boolean },
  { authenticator, engine, revocations, log }: AgentRouteOptions,
): CloseName | undefined {
  const { authorization, address, isProbe } = opening;
  // The token may have ended between the upgrade request and the open connection.
  if (!authenticator.isStillValid(token, { address })) return "unauthorized";
  if (token.state !== "active") return token.state;
  if (token.publicKey === undefined || isProbe) return undefined;
  // The counter of a key increases with every connection, unless two processes use the key.
  try {
    if (engine.journal.tokens.advance(token.tokenId, parseCounter(authorization) ?? 0)) {
      return undefined;
    }
    revocations.fence(token);
  } catch (error) {
    // A connection whose counter cannot be stored is rejected, because a copied key would not be
    // detected.
    log.error(`Cannot store the connection counter of an agent: ${errorText(error)}`);
    return "tryLater";
  }
  log.error("agent fenced: its key is used from two places", {
    agent: token.agentId ?? "",
    token_id: token.tokenId,
  });
  return "fenced";
}
