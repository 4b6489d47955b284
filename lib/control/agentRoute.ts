/**
 * `GET /agent`: where agents connect. Whoever is refused is told why by a close code of 4000 or
 * above, after the upgrade was accepted and before any message is read: a refused upgrade would
 * reach a WebSocket client without its reason. Browsers are turned away before that.
 */
import type { Context, Hono } from "hono";
import type { WSEvents } from "hono/ws";
import type { Log } from "../log.ts";
import { type CloseName, closeCodes } from "../protocol/close.ts";
import { errorText, WsctlError } from "../protocol/errors.ts";
import { sendQueueBytesMax } from "../protocol/limits.ts";
import { subprotocol } from "../protocol/version.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Engine } from "./engine.ts";
import { authenticate } from "./tokens.ts";

export interface AgentRouteOptions {
  engine: Engine;
  runtime: Runtime;
  log: Log;
}

export function addAgentRoute(app: Hono, options: AgentRouteOptions): void {
  app.get(
    "/agent",
    async (c, next) => {
      // A page in somebody's browser must never act as an agent; agents send no Origin.
      if (options.runtime.header(c, "origin") !== undefined) {
        throw new WsctlError("FORBIDDEN", "this address is for agents, not for browsers");
      }
      if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
        c.header("Upgrade", "websocket");
        return c.json({ error: { code: "MALFORMED", message: "connect with a WebSocket" } }, 426);
      }
      await next();
    },
    options.runtime.upgradeWebSocket((c) => agentEvents(c, options)),
  );
}

function agentEvents(c: Context, { engine, runtime, log }: AgentRouteOptions): WSEvents {
  const token = authenticate(engine.journal, c.req.header("authorization"));
  const address = runtime.remoteAddress(c);
  let sessionId: number | undefined;
  return {
    onOpen(_event, ws) {
      const socket = runtime.serverSocket(ws, sendQueueBytesMax);
      if (token?.agentId === undefined) {
        const name: CloseName = token === undefined ? "unauthorized" : "forbidden";
        log.warn("refused an agent", { address, reason: closeCodes[name].meaning });
        return socket.close(closeCodes[name].code, closeCodes[name].meaning);
      }
      const { agentId, tokenId } = token;
      const v1 = ws.protocol === subprotocol;
      sessionId = engine.connected({ agentId, tokenId, v1, address }, socket);
    },
    onMessage(event, ws) {
      if (sessionId === undefined) return;
      if (typeof event.data === "string") return engine.received(sessionId, event.data);
      ws.close(closeCodes.textOnly.code, closeCodes.textOnly.meaning);
    },
    onClose() {
      if (sessionId !== undefined) engine.disconnected(sessionId);
    },
    onError(event) {
      log.warn("fault on a connection", {
        address,
        reason: errorText((event as ErrorEvent).error),
      });
    },
  };
}
