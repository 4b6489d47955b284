/** A journal of the control plane whose index is in maps. */
import type { StoredRequest } from "../../lib/control/core/model.ts";
import type { ControlJournal } from "../../lib/control/journal/journal.ts";
import type { ControlRecords } from "./controlRecords.ts";

/** How its facts are recorded. */
type Recording = Pick<ControlJournal, "commit" | "commitNow" | "settle" | "probe" | "close"> &
  Partial<Pick<ControlJournal, "recorder">>;

export function recordsJournal(records: ControlRecords, own: Recording): ControlJournal {
  const capabilities = new Map<string, string>();
  return {
    fault: () => undefined,
    assertInPlace: () => {},
    createIdentity: () => {},
    open: () => records.openJournal(),
    agents: () => [...records.agents.values()],
    job: (jobId) => records.jobs.get(jobId),
    jobByKey: (key) => records.byKey.get(key),
    jobIdsFrom: () => [],
    jobs: () => ({ jobs: [...records.jobs.values()] }),
    get upkeep(): never {
      throw new Error("the index is not simulated");
    },
    get upkeepLater(): never {
      throw new Error("the index is not simulated");
    },
    requests: (jobId) =>
      (records.byJob.get(jobId) ?? []).map((row) => ({ ...row.request }) as StoredRequest),
    fullRequests: (jobId) =>
      (records.byJob.get(jobId) ?? []).map((row) => ({ ...row.request }) as StoredRequest),
    findAgent: (requestId) => records.rows.get(requestId)?.request.agentId,
    outcomes: (jobId, after) =>
      (records.byJob.get(jobId) ?? [])
        .flatMap(({ outcome }) => (outcome && outcome.sequence > after ? [outcome] : []))
        .sort((a, b) => a.sequence - b.sequence),
    hasRequest: (requestId) => records.rows.has(requestId),
    findJobId: (requestId) => records.rows.get(requestId)?.request.jobId,
    controlId: "simulated",
    get lineage(): never {
      throw new Error("the lineage of control planes is not simulated");
    },
    oldestJobAt: undefined,
    currentFacts: () => [],
    get recorder(): never {
      throw new Error("the log of the control plane is not simulated");
    },
    get audit(): never {
      throw new Error("the audit trail is not simulated");
    },
    get tokens(): never {
      throw new Error("tokens are not simulated");
    },
    capabilities: () => [...capabilities].map(([digest, text]) => ({ digest, text })),
    addCapabilities: (digest, text) => void capabilities.set(digest, text),
    removeCapabilities: (digest) => void capabilities.delete(digest),
    get metrics(): never {
      throw new Error("figures are not simulated");
    },
    get schedules(): never {
      throw new Error("schedules are not simulated");
    },
    get definitions(): never {
      throw new Error("definitions are not simulated");
    },
    get releases(): never {
      throw new Error("releases are not simulated");
    },
    get artifacts(): never {
      throw new Error("artifacts are not simulated");
    },
    ...own,
  };
}
