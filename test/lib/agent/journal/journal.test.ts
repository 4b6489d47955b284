import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RequestRecord } from "../../../../lib/agent/core/model.ts";
import { type AgentJournal, openAgentJournal } from "../../../../lib/agent/journal/journal.ts";

const record: RequestRecord = {
  requestId: "123456",
  command: "restart",
  parameters: { delay_seconds: 10 },
  state: "started",
  timeoutMs: 1,
  keepUntil: 100,
  since: 1,
};

describe("the journal of an agent", () => {
  let dir: string;
  let journal: AgentJournal;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "wsctl-journal-"));
    journal = openAgentJournal(join(dir, "journal.db"));
  });
  afterEach(() => {
    journal.close();
    rmSync(dir, { recursive: true });
  });

  test("is new until it is named, and keeps its latest name", () => {
    expect(journal.identity.epoch).toBe(0);
    journal.commit([{ type: "putIdentity", identity: { journalId: "one", epoch: 1 } }]);
    journal.commit([{ type: "putIdentity", identity: { journalId: "one", epoch: 2 } }]);
    journal.close();
    journal = openAgentJournal(join(dir, "journal.db"));
    expect(journal.identity).toEqual({ journalId: "one", epoch: 2 });
  });

  test("gives back what is not settled, in the order of arrival", () => {
    const [one, two, three] = ["a", "b", "c"].map((requestId) => ({ ...record, requestId }));
    if (!one || !two || !three) throw new Error("three records");
    journal.commit([one, two, three].map((each) => ({ type: "putRequest", record: each })));
    journal.commit([
      {
        type: "putRequest",
        record: { ...one, state: "ended", answer: { type: "error", code: "X", message: "" } },
      },
      { type: "markAcknowledged", requestId: "b" },
    ]);
    expect(journal.unacknowledged().map(({ requestId, state }) => `${requestId} ${state}`)).toEqual(
      ["a ended", "c started"],
    );
    expect(journal.find("b")).toEqual(two);
    expect(journal.find("nobody")).toBeUndefined();
  });

  test("forgets only what is settled and past its time", () => {
    journal.commit([
      { type: "putRequest", record: { ...record, requestId: "open" } },
      { type: "putRequest", record: { ...record, requestId: "settled" } },
      { type: "putRequest", record: { ...record, requestId: "young", keepUntil: 300 } },
      { type: "markAcknowledged", requestId: "settled" },
      { type: "markAcknowledged", requestId: "young" },
    ]);
    journal.commit([{ type: "pruneRequests", before: 200 }]);
    const kept = ["open", "settled", "young"].filter((id) => journal.find(id) !== undefined);
    expect(kept).toEqual(["open", "young"]);
  });
});
