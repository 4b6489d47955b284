/**
 * WebSocket upgrades under Deno and Node.js. Every request with `Upgrade` goes to the application
 * like any other one, so that a refusal has a body and its connection ends.
 */
import { type Server as HttpServer, type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { defineWebSocketHelper, WSContext, type WSEvents } from "hono/ws";
import type { WebSocket, WebSocketServer } from "ws";

/** A request for an upgrade whose response is not decided. */
interface Offer {
  socket: Duplex;
  head: Buffer;
  response: ServerResponse;
  sockets: WebSocketServer;
  onFault(error: unknown): void;
}

const offers = new WeakMap<IncomingMessage, Offer>();

/** How long a client may take to close its side after a refusal. */
const lingerMs = 2_000;

export const upgradeWebSocket = defineWebSocketHelper((c, events) => {
  const { incoming } = c.env as { incoming: IncomingMessage };
  const offer = offers.get(incoming);
  // A server ignores `Upgrade` in HTTP/1.0 (RFC 9110, section 7.8).
  if (offer === undefined || incoming.httpVersion === "1.0") return;
  offers.delete(incoming);
  const { socket, head, response, sockets } = offer;
  response.detachSocket(socket as Socket);
  sockets.handleUpgrade(incoming, socket, head, (opened) => attach(opened, events, offer));
  return RESPONSE_ALREADY_SENT;
});

/** Gives requests with `Upgrade` to the listener of requests. */
export function answerUpgrades(
  server: HttpServer,
  { sockets, onFault }: Pick<Offer, "sockets" | "onFault">,
): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Without a listener, the reset of a connection would end the process.
    socket.on("error", () => socket.destroy());
    const response = new ServerResponse(request);
    // What follows the request on this connection is not parsed.
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once("finish", () => {
      socket.end();
      const linger = setTimeout(() => socket.destroy(), lingerMs);
      socket.once("close", () => clearTimeout(linger));
    });
    offers.set(request, { socket, head, response, sockets, onFault });
    server.emit("request", request, response);
  });
}

function attach(socket: WebSocket, events: WSEvents<unknown>, { onFault }: Offer): void {
  /** An exception in a handler would end the process. */
  const guarded = (run: () => void) => {
    try {
      run();
    } catch (error) {
      onFault(error);
      socket.close(1011, "internal error");
    }
  };
  const context = new WSContext<unknown>({
    raw: socket,
    readyState: 1,
    protocol: socket.protocol,
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
  });
  socket.on("message", (data: Buffer, isBinary) => {
    const message = isBinary ? new Uint8Array(data).buffer : data.toString();
    guarded(() => events.onMessage?.(new MessageEvent("message", { data: message }), context));
  });
  socket.on("close", (code, reason) => {
    const event = new CloseEvent("close", { code, reason: reason.toString() });
    guarded(() => events.onClose?.(event, context));
  });
  // `ws` reports protocol errors of a peer here; without a listener they would end the process.
  socket.on("error", (error) =>
    guarded(() => events.onError?.(new ErrorEvent("error", { error }), context)),
  );
  guarded(() => events.onOpen?.(new Event("open"), context));
}
