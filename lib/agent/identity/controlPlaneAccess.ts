/** What a program of the agent's own needs in order to speak to the control plane for a request. */
import * as v from "valibot";
import { WsctlError } from "../../protocol/errors.ts";
import type { ControlPlane } from "../../transfer/apiCall.ts";
import { requestChallenge } from "./authenticatedDial.ts";
import { AgentIdentity } from "./identity.ts";

/** Handed over on standard input: a token is nothing for an argument list or an environment. */
export const ControlPlaneAccess = v.object({
  url: v.string(),
  /** Empty where the agent has a key. */
  token: v.string(),
  /** Path of the identity that proves the calls instead of a token. */
  identity: v.optional(v.string()),
  /** PEM text of the authorities to trust instead of the system's. */
  ca: v.optional(v.string()),
});
export type ControlPlaneAccess = v.InferOutput<typeof ControlPlaneAccess>;

/** The way of an agent's own connection, over HTTP. */
export function buildAccess(
  { server, token, ca }: { server: string; token: string; ca?: string },
  identity: AgentIdentity | undefined,
): ControlPlaneAccess {
  return {
    url: server.replace(/^ws/, "http"),
    token,
    ...(identity === undefined ? {} : { identity: identity.path }),
    ...(ca === undefined ? {} : { ca }),
  };
}

export function toControlPlane(
  { url, token, identity: path, ca }: ControlPlaneAccess,
  fetchWith: (ca: string | undefined) => typeof fetch,
): ControlPlane {
  const fetch = fetchWith(ca);
  if (path === undefined) return { url, token, fetch };
  const authorization = async () => {
    // Read each time: the agent may have renewed its key since.
    const identity = AgentIdentity.read(path);
    if (identity === undefined) throw new WsctlError("UNAUTHORIZED", `no identity at "${path}"`);
    const { nonce } = await requestChallenge(identity, fetch);
    return identity.prove(nonce, "call");
  };
  return { url, token, authorization, fetch };
}
