/** A control plane's core in the hands of a test: events in, steps out, no time but the test's. */
import { ControlCore } from "../../../lib/control/core/core.ts";
import type { ControlEvent } from "../../../lib/control/core/coreEvents.ts";
import type { Job, OpenJournal } from "../../../lib/control/core/model.ts";
import type { ControlChanges } from "../../../lib/control/core/transition.ts";
import { type AgentDraft, encode } from "../../../lib/protocol/wire/codec.ts";

export const epoch = Date.parse("2026-01-01T00:00:00Z");

export class CoreInHand {
  now = epoch;
  readonly core: ControlCore;
  /** The agents' memories, by what the test calls them, as they were last named. */
  readonly journals = new Map<string, { journal_id: string; epoch: number }>();
  #ids = 0;

  constructor(open: OpenJournal = { jobs: [], requests: [] }, known: string[] = []) {
    const facts = known.map((agentId) => ({ agentId }));
    this.core = new ControlCore(
      { hasCapabilities: () => false, heartbeatSeconds: 15 },
      facts,
      open,
      this.now,
    );
  }

  step(event: ControlEvent): ControlChanges {
    return this.core.step(event, this.now);
  }

  /** Lets time pass, ringing the core's timer whenever it is due. */
  pass(ms: number): ControlChanges {
    const all: ControlChanges = { writes: [], effects: [] };
    const end = this.now + ms;
    for (;;) {
      const next = this.core.next();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      const step = this.step({ type: "tick" });
      all.writes.push(...step.writes);
      all.effects.push(...step.effects);
    }
    this.now = end;
    return all;
  }

  /** A connection; with `v1` also its hello, from the memory that the test calls so. */
  connect(
    agentId: string,
    options: { isExtended?: boolean; journal?: string; instance?: string } = {},
  ): {
    sessionId: number;
    step: ControlChanges;
  } {
    const sessionId = ++this.#ids;
    const { isExtended = true, journal = `journal of ${agentId}`, instance = agentId } = options;
    const session = {
      sessionId,
      agentId,
      tokenId: `token of ${agentId}`,
      isExtended,
      address: "127.0.0.1",
      freshJournalId: `fresh-${sessionId}`,
    };
    const opened = this.step({ type: "connectionOpened", session });
    if (!isExtended) return { sessionId, step: opened };
    const memory = this.journals.get(journal) ?? { journal_id: "new", epoch: 0 };
    const payload = { protocol_version: 1, version: "0.0.0", instance_id: instance, ...memory };
    const greeted = this.receive(sessionId, { type: "hello", payload });
    for (const effect of greeted.effects) {
      if (effect.type !== "send" || effect.message.type !== "welcome") continue;
      const { journal_id, epoch } = effect.message.payload;
      this.journals.set(journal, { journal_id, epoch });
    }
    return {
      sessionId,
      step: {
        writes: [...opened.writes, ...greeted.writes],
        effects: [...opened.effects, ...greeted.effects],
      },
    };
  }

  receive(sessionId: number, message: AgentDraft): ControlChanges {
    return this.step({ type: "messageReceived", sessionId, frame: encode(message, this.now) });
  }

  success(sessionId: number, requestId: string, message = "done"): ControlChanges {
    const payload = { status: "success", message } as const;
    return this.receive(sessionId, { type: "response", request_id: requestId, payload });
  }

  submit(agents: string[], job: Partial<Job> = {}): { requestIds: string[]; step: ControlChanges } {
    const jobId = `job-${String(++this.#ids).padStart(6, "0")}`;
    const requests = agents.map((agentId) => ({ requestId: `request-${++this.#ids}`, agentId }));
    const full: Job = {
      jobId,
      command: "ping",
      target: { agents },
      timeoutMs: 30_000,
      ttlMs: 600_000,
      createdAt: this.now,
      createdBy: "operator",
      ...job,
    };
    const step = this.step({ type: "jobSubmitted", job: full, requests });
    return { requestIds: requests.map(({ requestId }) => requestId), step };
  }
}

/** The commands that a step sends: session and request id. */
export function commandsIn(t: ControlChanges): { sessionId: number; requestId: string }[] {
  return t.effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === "command"
      ? [{ sessionId: effect.sessionId, requestId: effect.message.request_id }]
      : [],
  );
}

export function outcomesIn(t: ControlChanges): Record<string, string> {
  return Object.fromEntries(
    t.writes.flatMap((write) =>
      write.type === "putOutcome"
        ? [[write.outcome.requestId, `${write.outcome.outcome} ${write.outcome.code ?? ""}`.trim()]]
        : [],
    ),
  );
}
