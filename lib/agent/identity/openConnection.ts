/** Opens the connection of an agent to one of the addresses of its control plane. */
import type { Trust } from "../../network/trust.ts";
import { messageBytesMax } from "../../protocol/limits.ts";
import { subprotocol } from "../../protocol/wire/version.ts";
import type { ClientSocket, ClientSocketEvents, Runtime } from "../../runtime/runtime.ts";
import type { AddressBook } from "./addressBook.ts";
import { dialWithKey } from "./authenticatedDial.ts";
import { buildAccess, type ControlPlaneAccess } from "./controlPlaneAccess.ts";
import type { AgentIdentity } from "./identity.ts";

export interface ConnectionParts {
  addresses: AddressBook;
  /** Returns the token for one connection or call. It is empty if the agent has a key. */
  token(): string;
  identity?: AgentIdentity;
  serverTrust: Trust;
  runtime: Runtime;
}

export function openConnection(parts: ConnectionParts, events: ClientSocketEvents): ClientSocket {
  const { addresses, identity, serverTrust: trust, runtime } = parts;
  const { url, agentUrl } = addresses.current;
  identity?.tryAddress(url);
  const target = { url: agentUrl, protocols: [subprotocol], messageBytesMax, trust };
  const watched = watch(events, addresses);
  if (identity !== undefined) return dialWithKey({ ...target, identity, runtime }, watched);
  const headers = { Authorization: `Bearer ${parts.token()}` };
  return runtime.connect({ ...target, headers }, watched);
}

/** Returns access over HTTP to the node of the agent's own connection. */
export function accessOf(parts: ConnectionParts): ControlPlaneAccess {
  const { addresses, serverTrust: trust, identity } = parts;
  const { url } = addresses.current;
  return buildAccess({ url, token: () => parts.token(), trust }, identity);
}

/** Tells the addresses whether the connection was ever open. */
function watch(events: ClientSocketEvents, addresses: AddressBook): ClientSocketEvents {
  let isOpen = false;
  return {
    ...events,
    open(protocol) {
      isOpen = true;
      addresses.connected();
      events.open(protocol);
    },
    close(code, reason, refusal) {
      if (!isOpen) addresses.failed();
      events.close(code, reason, refusal);
    },
  };
}
