/** A `fetch` for a control plane that has several addresses: the nodes of a cluster. */
import { isRefused } from "../network/connectionError.ts";
import type { Trust } from "../network/trust.ts";
import { controlPlaneFetch } from "./apiCall.ts";

/**
 * Returns a `fetch` that stays with the address that works. A request whose connection was refused
 * is made at the next address at once; after any other failure the next request goes there.
 *
 * @param fetchWith The one of the runtime.
 * @param bases The URLs of the control plane. Callers use the first one.
 */
export function nodesFetch(
  fetchWith: (trust: Trust) => typeof fetch,
  bases: readonly string[],
  trust: Trust,
): typeof fetch {
  const [given = "", ...others] = bases;
  const own = controlPlaneFetch(fetchWith, given, trust);
  if (others.length === 0) return own;
  const nodes = bases.map((base) => ({ base, fetch: controlPlaneFetch(fetchWith, base, trust) }));
  let at = 0;
  const call: (...args: Parameters<typeof fetch>) => Promise<Response> = async (input, init) => {
    const url = `${input instanceof Request ? input.url : input}`;
    if (input instanceof Request || !isBelow(url, given)) return await own(input, init);
    const isRepeatable = !(init?.body instanceof ReadableStream);
    for (let left = nodes.length; ; left--) {
      const node = nodes[at] as (typeof nodes)[number];
      try {
        return await node.fetch(node.base + url.slice(given.length), init);
      } catch (error) {
        if (init?.signal?.aborted !== true || isTimeout(error)) at = (at + 1) % nodes.length;
        if (left === 1 || !isRepeatable || !isRefused(error)) throw error;
      }
    }
  };
  return call as typeof fetch;
}

function isBelow(url: string, base: string): boolean {
  return url.startsWith(base) && /^(?:[/?]|$)/.test(url.slice(base.length));
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}
