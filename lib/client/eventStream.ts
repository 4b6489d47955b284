/** Follows the events of a control plane, and continues after an interruption where it was. */
import type { ControlPlaneEvent, EventType } from "../protocol/api/events.ts";
import { WsctlError } from "../protocol/errors.ts";
import { formatQuery } from "./request.ts";
import { withRetry } from "./retry.ts";
import type { Transport } from "./transport.ts";

export interface EventOptions {
  /** Events after this entry of the log; by default new ones. */
  after?: number;
  /** Events since this time, in ISO 8601 and UTC. */
  since?: string;
  types?: readonly EventType[];
  signal: AbortSignal;
}

export async function* followEvents(
  http: Transport,
  { after, since, types, signal }: EventOptions,
): AsyncGenerator<ControlPlaneEvent> {
  let from = after;
  // An address that never answered is an error at once, as for other commands.
  let hasConnected = false;
  while (!signal.aborted) {
    const query = formatQuery({ after: from, since, types: types?.join(",") });
    const response = await withRetry(
      signal,
      () => hasConnected,
      () => http.fetch(`/api/v1/events${query}`, { signal }, null),
    );
    hasConnected = true;
    try {
      for await (const event of readEvents(response)) {
        from = event.sequence;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof WsctlError) throw error;
      // The connection was interrupted; the rest is requested again.
    }
  }
}

async function* readEvents(response: Response): AsyncGenerator<ControlPlaneEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as ControlPlaneEvent;
    }
  }
}
