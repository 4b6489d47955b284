/** Connections that Bun opens: HTTP requests and WebSockets. */
import { type HttpProxy, proxyHeaders } from "../network/proxyRules.ts";
import { systemBundle, type Trust } from "../network/trust.ts";
import { outgoingDial, outgoingFetch } from "./outgoing.ts";
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "./runtime.ts";
import { withSubprotocolFallback } from "./subprotocolFallback.ts";

export function connect(options: ConnectOptions, events: ClientSocketEvents): ClientSocket {
  return withSubprotocolFallback(outgoingDial(dial, fetchWith), options, events, (reason) =>
    /client protocol$/.test(reason),
  );
}

/** The form of a trust in Bun's options. */
function bunTls({ ca = systemBundle(), serverName }: Trust): object {
  if (ca === undefined && serverName === undefined) return {};
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined ? {} : { serverName }),
    },
  };
}

/** The form of a proxy in Bun's options. */
function bunProxy(proxy: HttpProxy | undefined): object {
  return proxy === undefined ? {} : { proxy: { url: proxy.url, headers: proxyHeaders(proxy) } };
}

/** `tls` and `proxy` are specific to Bun. */
export function fetchWith(trust: Trust): typeof fetch {
  return outgoingFetch((input, init, proxy) =>
    fetch(input, { ...init, ...bunTls(trust), ...bunProxy(proxy) }),
  );
}

function dial(
  options: ConnectOptions,
  events: ClientSocketEvents,
  proxy: HttpProxy | undefined,
): ClientSocket {
  const init = {
    ...bunProxy(proxy),
    protocols: options.protocols,
    headers: options.headers,
    perMessageDeflate: false,
    ...bunTls(options.trust),
  };
  const socket = new WebSocket(options.url, init as Bun.WebSocketOptions);
  let fault = "";
  socket.addEventListener("open", () => events.open(socket.protocol));
  socket.addEventListener("message", (event) =>
    events.message(typeof event.data === "string" ? event.data : undefined),
  );
  // Bun's client emits `pong`, which the browser's WebSocket types do not include.
  socket.addEventListener("pong" as "message", () => events.pong());
  socket.addEventListener("error", (event) => {
    fault = (event as ErrorEvent).message ?? "";
  });
  socket.addEventListener("close", (event) => events.close(event.code, event.reason || fault));
  return {
    send: (frame) => socket.send(frame),
    ping: () => void socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}
