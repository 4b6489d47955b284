/** Follows the events of a control plane, and continues after an interruption where it was. */
import { createParser } from "eventsource-parser";
import * as v from "valibot";
import { ControlPlaneEvent, type EventType } from "../protocol/api/events.ts";
import { WsctlError } from "../protocol/errors.ts";
import { formatIssue } from "../protocol/schemaError.ts";
import { formatQuery } from "./request.ts";
import { withRetry } from "./retry.ts";
import type { Transport } from "./transport.ts";

/** An event of this version or of a later one. */
const AnyEvent = v.object({ ...ControlPlaneEvent.entries, type: v.string() });

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
      () => http.stream(`/api/v1/events${query}`, { signal }, "text/event-stream"),
    );
    hasConnected = true;
    try {
      for await (const { sequence, event } of readEvents(response)) {
        from = sequence;
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof WsctlError) throw error;
      // The connection was interrupted; the rest is requested again.
    }
  }
}

/** How far the stream has come, and the event there, unless this version does not know its type. */
interface Step {
  sequence: number;
  event?: ControlPlaneEvent;
}

/** The comment with which the control plane says how far it has come without an event. */
const position = /^\s*events through (\d+)/;

async function* readEvents({ body }: Response): AsyncGenerator<Step> {
  const steps: Step[] = [];
  const parser = createParser({
    onEvent: ({ data }) => void steps.push(parseEvent(data)),
    onComment: (comment) => {
      const sequence = position.exec(comment)?.[1];
      if (sequence !== undefined) steps.push({ sequence: Number(sequence) });
    },
  });
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  try {
    for (;;) {
      const { value, done = true } = (await reader?.read()) ?? {};
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* steps.splice(0);
    }
  } finally {
    // The caller may have stopped in between.
    await reader?.cancel().catch(() => {});
  }
}

/** @throws {WsctlError} MALFORMED */
function parseEvent(text: string): Step {
  const parsed = v.safeParse(AnyEvent, parseJson(text));
  if (!parsed.success) {
    const fault = formatIssue(parsed.issues[0]);
    throw new WsctlError("MALFORMED", `The control plane sent an invalid event: ${fault}`);
  }
  const { sequence } = parsed.output;
  return v.is(ControlPlaneEvent, parsed.output) ? { sequence, event: parsed.output } : { sequence };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
