/** What a program of the agent needs to call the control plane for a request. */
import * as v from "valibot";
import { type Trust, toStoredTrust, toTrust } from "../../network/trust.ts";
import { WsctlError } from "../../protocol/errors.ts";
import { type ControlPlane, controlPlaneFetch } from "../../transfer/apiCall.ts";
import { requestChallenge } from "./authenticatedDial.ts";
import { AgentIdentity } from "./identity.ts";

/**
 * The access data. It is passed on standard input, because an argument list or an environment would
 * expose the token.
 */
export const ControlPlaneAccess = v.object({
  url: v.string(),
  /** Empty if the agent has a key. */
  token: v.string(),
  /** Path of the identity whose key authenticates the calls instead of a token. */
  identity: v.optional(v.string()),
  /** PEM text of the authorities to trust instead of the system's authorities. */
  ca: v.optional(v.string()),
  /** See `Trust`. */
  server_name: v.optional(v.string()),
});
export type ControlPlaneAccess = v.InferOutput<typeof ControlPlaneAccess>;

/** Returns access over HTTP to the control plane of the agent's own connection. */
export function buildAccess(
  { url, token, trust }: { url: string; token(): string; trust: Trust },
  identity: AgentIdentity | undefined,
): ControlPlaneAccess {
  return {
    url,
    token: token(),
    ...(identity === undefined ? {} : { identity: identity.path }),
    ...toStoredTrust(trust),
  };
}

/** @throws {WsctlError} UNAUTHORIZED */
export function toControlPlane(
  { url, token, identity: path, ...stored }: ControlPlaneAccess,
  fetchWith: (trust: Trust) => typeof fetch,
): ControlPlane {
  const fetch = controlPlaneFetch(fetchWith, url, toTrust(stored));
  if (path === undefined) return { url, token, fetch };
  const authorization = async () => {
    // The identity is read for each call, because the agent may have renewed its key.
    const identity = AgentIdentity.read(path);
    if (identity === undefined)
      throw new WsctlError("UNAUTHORIZED", `Cannot read identity "${path}": not found`);
    identity.tryAddress(url);
    const { nonce } = await requestChallenge(identity, fetch);
    return identity.prove(nonce, "call");
  };
  return { url, token, authorization, fetch };
}
