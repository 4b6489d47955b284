/**
 * A journal in memory, for an agent without a directory. A request is run at most once while the
 * process lives. Another process has another journal, so that requests which may have been started
 * end as `lost`.
 */
import type { AgentWrite, Identity, RequestRecord, ScheduledRun } from "../core/model.ts";
import type { AgentJournal } from "./journal.ts";

const durable = { result: undefined };

/** The number of acknowledged requests that are remembered. */
const rememberedMax = 10_000;

export class MemoryJournal implements AgentJournal {
  #identity: Identity = { journalId: "new", epoch: 0 };
  /** In order of arrival. */
  readonly #records = new Map<string, RequestRecord>();

  get identity(): Identity {
    return this.#identity;
  }

  commit(writes: AgentWrite[]): typeof durable {
    for (const write of writes) this.#apply(write);
    return durable;
  }

  settle(): void {}

  find(requestId: string): RequestRecord | undefined {
    return this.#records.get(requestId);
  }

  unacknowledged(): RequestRecord[] {
    return [...this.#records.values()].filter(({ state }) => state !== "acknowledged");
  }

  /** An agent without a directory checks no signatures, so it counts no runs. */
  scheduledRuns(): ScheduledRun[] {
    return [];
  }

  close(): void {}

  #apply(write: AgentWrite): void {
    switch (write.type) {
      case "putIdentity":
        this.#identity = write.identity;
        return;
      case "putRequest":
        this.#records.set(write.record.requestId, structuredClone(write.record));
        return;
      case "markAcknowledged":
        return this.#acknowledge(write.requestId);
      default:
        return write satisfies never;
    }
  }

  #acknowledge(requestId: string): void {
    const record = this.#records.get(requestId);
    if (record !== undefined) record.state = "acknowledged";
    if (this.#records.size <= rememberedMax) return;
    for (const [id, { state }] of this.#records) {
      if (state !== "acknowledged") continue;
      this.#records.delete(id);
      return;
    }
  }
}
