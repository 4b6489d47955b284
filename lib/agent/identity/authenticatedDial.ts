/**
 * Dials with a key: fetches a nonce, signs it, and opens the connection with the proof. It has the
 * interface of any other client socket, and can be terminated at any time.
 */
import { dialReason } from "../../network/connectionError.ts";
import { connectTimeoutMs } from "../../protocol/limits.ts";
import { closeCodes } from "../../protocol/wire/closeCodes.ts";
import type { Challenge } from "../../protocol/wire/keyProof.ts";
import type {
  ClientSocket,
  ClientSocketEvents,
  ConnectOptions,
  RefusedUpgrade,
  Runtime,
} from "../../runtime/runtime.ts";
import { buildHttpFailure, unreachable } from "../../transfer/retry.ts";
import type { AgentIdentity } from "./identity.ts";

export interface DialOptions extends Omit<ConnectOptions, "headers"> {
  identity: AgentIdentity;
  runtime: Runtime;
}

export function dialWithKey(options: DialOptions, events: ClientSocketEvents): ClientSocket {
  const { identity, runtime, ...rest } = options;
  const given = new AbortController();
  let socket: ClientSocket | undefined;
  let isClosed = false;
  const closed = (code: number, reason: string, refusal?: RefusedUpgrade) => {
    if (isClosed) return;
    isClosed = true;
    // With a body, the refusal is not due to the key.
    const isOurs = refusal !== undefined && refusal.body === undefined;
    const facts = isOurs ? rejections[refusal.status] : undefined;
    // The response to a key renewal may have been lost. In this case the other key is valid.
    if (facts === closeCodes.unauthorized && identity.tryOther()) return events.close(code, reason);
    events.close(facts?.code ?? code, facts?.meaning ?? reason, refusal);
  };
  requestChallenge(identity, runtime.fetchWith(rest.trust), given.signal)
    .then(({ nonce }) => {
      if (given.signal.aborted) return;
      const headers = { Authorization: identity.prove(nonce, "connect") };
      const open = (protocol: string) => {
        identity.confirmed();
        events.open(protocol);
      };
      socket = runtime.connect({ ...rest, headers }, { ...events, open, close: closed });
    })
    .catch((error) => closed(1006, dialReason(rest.url, error)));
  const giveUp = (code: number, reason: string) => {
    given.abort();
    closed(code, reason);
  };
  return {
    send: (frame) => socket?.send(frame),
    ping: () => socket?.ping(),
    close: (code, reason) => {
      if (socket === undefined) giveUp(code, reason);
      else socket.close(code, reason);
    },
    terminate: () => {
      if (socket === undefined) giveUp(1006, "given up");
      else socket.terminate();
    },
  };
}

/** The close code for a rejected upgrade, by its HTTP status. */
const rejections: Record<number, { code: number; meaning: string }> = {
  401: closeCodes.unauthorized,
  403: closeCodes.forbidden,
  429: closeCodes.rateLimited,
};

/**
 * Returns a new nonce of the control plane.
 * @throws {WsctlError} The error of the control plane.
 */
export async function requestChallenge(
  identity: AgentIdentity,
  fetch: typeof globalThis.fetch,
  signal?: AbortSignal,
): Promise<Challenge> {
  const timeout = AbortSignal.timeout(connectTimeoutMs);
  const limit = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const url = `${identity.url}/agent/challenge`;
  const response = await fetch(url, { redirect: "error", signal: limit });
  if (!response.ok) {
    const text = await response.text().catch(() => "");
    throw buildHttpFailure(response.status, text, new URL(url));
  }
  try {
    return (await response.json()) as Challenge;
  } catch (error) {
    throw unreachable(new URL(url), error);
  }
}
