/**
 * Offers a subprotocol to a server that may not know it. Such a server omits the subprotocol from
 * its response (RFC 6455, section 4.2.2), and the clients of both runtimes then fail. The
 * connection is tried again without the offer, so that peers of the standard alone are reachable.
 */
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "./runtime.ts";

type Dial = (options: ConnectOptions, events: ClientSocketEvents) => ClientSocket;

/** @param isNoneAgreed Detects this failure in the error text of this runtime's client. */
export function withSubprotocolFallback(
  dial: Dial,
  options: ConnectOptions,
  events: ClientSocketEvents,
  isNoneAgreed: (reason: string) => boolean,
): ClientSocket {
  let socket = dial(options, {
    ...events,
    close: (code, reason, refusal) => {
      if (!isNoneAgreed(reason)) return events.close(code, reason, refusal);
      socket = dial({ ...options, protocols: [] }, events);
    },
  });
  return {
    send: (frame) => socket.send(frame),
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}
