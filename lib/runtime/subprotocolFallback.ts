/**
 * Offering a subprotocol to a server that knows none. By the WebSocket standard it may simply not
 * answer the offer; the clients of both runtimes give such a connection up. So it is made once
 * more, without the offer, which thereby stays invisible to a peer of our standard alone.
 */
import type { ClientSocket, ClientSocketEvents, ConnectOptions } from "./runtime.ts";

type Dial = (options: ConnectOptions, events: ClientSocketEvents) => ClientSocket;

/** `isNoneAgreed` knows the words in which this runtime's client gives up. */
export function withSubprotocolFallback(
  dial: Dial,
  options: ConnectOptions,
  events: ClientSocketEvents,
  isNoneAgreed: (reason: string) => boolean,
): ClientSocket {
  let socket = dial(options, {
    ...events,
    close: (code, reason) => {
      if (!isNoneAgreed(reason)) return events.close(code, reason);
      socket = dial({ ...options, protocols: [] }, events);
    },
  });
  return {
    send: (text) => socket.send(text),
    ping: () => socket.ping(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}
