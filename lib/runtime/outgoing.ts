/**
 * What both runtimes do before they open a connection: they find the proxy for the address, take
 * the decision from their runtime, and name the proxy if the connection fails.
 */
import { dialReason, ProxyError } from "../network/connectionError.ts";
import { findProxy, type HttpProxy, withoutProxyVariables } from "../network/proxyRules.ts";
import type { Trust } from "../network/trust.ts";
import { explainRefusal, formatRefusal, refusedStatus } from "./refusedUpgrade.ts";
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "./runtime.ts";

type Call = (
  input: string | URL | Request,
  init: RequestInit | undefined,
  proxy: HttpProxy | undefined,
) => Promise<Response>;

export type Dial = (
  options: ConnectOptions,
  events: ClientSocketEvents,
  proxy: HttpProxy | undefined,
) => ClientSocket;

/** Returns a `fetch` that calls `call` with the proxy of each address. */
export function outgoingFetch(call: Call): typeof fetch {
  const run = async (input: string | URL | Request, init?: RequestInit) => {
    const target = new URL(input instanceof Request ? input.url : input);
    const proxy = findProxy(target, process.env);
    try {
      const response = await withoutProxyVariables(() => call(input, init, proxy));
      if (proxy === undefined || response.status !== 407) return response;
      throw new Error("status 407");
    } catch (error) {
      if (proxy === undefined || isStopped(init?.signal)) throw error;
      throw new ProxyError(proxy.url, error);
    }
  };
  // Bun's `fetch` has the additional member `preconnect`, which is not used.
  return run as typeof fetch;
}

/** Whether the caller has aborted the call; a time limit is a failure of the connection. */
function isStopped(signal: AbortSignal | null | undefined): boolean {
  return signal?.aborted === true && (signal.reason as Error | undefined)?.name !== "TimeoutError";
}

/** Opens a WebSocket with the proxy of its address. The reason of a failed attempt is plain. */
export function outgoingDial(
  dial: Dial,
  fetchWith: (trust: Trust) => typeof fetch,
): (options: ConnectOptions, events: ClientSocketEvents) => ClientSocket {
  return (options, events) => {
    const proxy = findProxy(new URL(options.url), process.env);
    let isOpen = false;
    const explain = async (reason: string) => {
      const error = (await findTcpFault(reason, proxy?.url ?? options.url)) ?? new Error(reason);
      return dialReason(
        options.url,
        proxy === undefined ? error : new ProxyError(proxy.url, error),
      );
    };
    const explained: ClientSocketEvents = {
      ...events,
      open(protocol) {
        isOpen = true;
        events.open(protocol);
      },
      close(code, reason) {
        const status = isOpen ? undefined : refusedStatus(reason);
        if (isOpen) return events.close(code, reason);
        if (status === undefined) {
          return void explain(reason).then((text) => events.close(code, text));
        }
        void explainRefusal(options.url, status, fetchWith(options.trust)).then((refusal) =>
          events.close(code, formatRefusal(refusal), refusal),
        );
      },
    };
    return withoutProxyVariables(() => dial(options, explained, proxy));
  };
}

/** Bun's client tells every failure before the handshake in these words. */
const vague = /failed to connect/i;
const probeTimeoutMs = 5_000;

/** Connects once more, without sending anything, to learn why a vague failure happened. */
async function findTcpFault(reason: string, url: string): Promise<Error | undefined> {
  if (!vague.test(reason)) return undefined;
  // Loaded here, because most commands need no tunnel, and the HTTP client of Node.js takes long.
  const { openTcp } = await import("../network/tunnel.ts");
  try {
    const socket = await openTcp(new URL(url), { proxy: undefined, timeoutMs: probeTimeoutMs });
    socket.destroy();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
