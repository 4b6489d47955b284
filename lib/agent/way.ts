/** What a program of the agent's own needs in order to speak to the control plane for a request. */
import * as v from "valibot";
import type { ControlPlane } from "../transfer/access.ts";

/** Handed over on standard input: a token is nothing for an argument list or an environment. */
export const Way = v.object({
  url: v.string(),
  token: v.string(),
  /** PEM text of the authorities to trust instead of the system's. */
  ca: v.optional(v.string()),
});
export type Way = v.InferOutput<typeof Way>;

/** The way of an agent's own connection, over HTTP. */
export function wayOf({ server, token, ca }: { server: string; token: string; ca?: string }): Way {
  const url = server.replace(/^ws/, "http");
  return { url, token, ...(ca === undefined ? {} : { ca }) };
}

export function controlPlaneOf(
  { url, token, ca }: Way,
  fetchWith: (ca: string | undefined) => typeof fetch,
): ControlPlane {
  return { url, token, fetch: fetchWith(ca) };
}
