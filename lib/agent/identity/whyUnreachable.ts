/** Checks whether a control plane answers at an address, before an agent needs it. */
import { dialReason } from "../../network/connectionError.ts";

const answerMs = 5_000;

/**
 * Returns why a control plane does not answer at an address, or undefined if it does.
 * @param server `http(s)://HOST[:PORT]`
 * @param trusted a `fetch` with the trust of the agent's own connection
 */
export async function whyUnreachable(
  server: string,
  trusted: typeof fetch,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const response = await trusted(`${server}/healthz`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      redirect: "manual",
    });
    await response.body?.cancel();
    return response.ok ? undefined : `HTTP ${response.status}`;
  } catch (error) {
    return dialReason(server, error);
  }
}
