import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { AgentWrite, RequestRecord } from "../../../../lib/agent/core/model.ts";
import { type LogJournal, openAgentJournal } from "../../../../lib/agent/journal/journal.ts";
import { FaultyStorage } from "../../../sim/faultyStorage.ts";

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
  let storage: FaultyStorage;
  let journal: LogJournal;
  let wall: number;
  let now: number;
  const open = () =>
    openAgentJournal({
      storage,
      clock: { after: () => () => {}, now: () => now, wall: () => wall },
      segmentBytes: { first: 2048, max: 2048 },
    });
  const commit = (...writes: AgentWrite[]) => {
    expect(journal.commit(writes, () => {})).toBeDefined();
  };
  const restart = () => {
    journal.close();
    storage = storage.afterKill();
    journal = open();
  };
  const put = (requestId: string, more: Partial<RequestRecord> = {}) =>
    commit({ type: "putRequest", record: { ...record, requestId, ...more } });
  beforeEach(() => {
    wall = Date.UTC(2026, 0, 1);
    now = 0;
    storage = new FaultyStorage();
    journal = open();
  });
  afterEach(() => journal.close());

  test("has no identity until one is assigned, and keeps the latest one", () => {
    expect(journal.identity.epoch).toBe(0);
    commit({ type: "putIdentity", identity: { journalId: "one", epoch: 1 } });
    commit({ type: "putIdentity", identity: { journalId: "one", epoch: 2 } });
    restart();
    expect(journal.identity).toEqual({ journalId: "one", epoch: 2 });
  });

  test("returns the unacknowledged requests in the order of arrival, across a restart", () => {
    for (const requestId of ["a", "b", "c"]) put(requestId);
    put("a", { state: "ended", answer: { type: "error", code: "X", message: "" } });
    commit({ type: "markAcknowledged", requestId: "b" });
    const check = () => {
      const states = journal
        .unacknowledged()
        .map(({ requestId, state }) => `${requestId} ${state}`);
      expect(states).toEqual(["a ended", "c started"]);
      expect(journal.find("b")).toEqual({ ...record, requestId: "b" });
      expect(journal.find("nobody")).toBeUndefined();
    };
    check();
    restart();
    check();
  });

  describe("the latest run of a signed schedule", () => {
    const run = { scheduleId: "s", dueAt: 10, runs: 1, keepUntil: 10_000 };
    const later = { ...run, dueAt: 30, runs: 3 };

    test("is kept across a restart, in whatever order the requests end", () => {
      put("a", { run });
      put("b", { run: later });
      put("a", { run, state: "ended", answer: { type: "error", code: "X", message: "" } });
      expect(journal.scheduledRuns()).toEqual([later]);
      restart();
      expect(journal.scheduledRuns()).toEqual([later]);
    });

    test("is kept when the segments with its requests are removed, until its time", () => {
      put("a", { run: later });
      commit({ type: "markAcknowledged", requestId: "a" });
      const fill = () => {
        for (let each = 0; each < 40; each++) {
          commit({ type: "putIdentity", identity: { journalId: "x".repeat(100), epoch: each } });
        }
      };
      fill();
      now = 1_000;
      wall += 1_000;
      expect(journal.removeEntries(wall, 0, "test")).toBeGreaterThan(1);
      expect(journal.find("a")).toBeUndefined();
      expect(journal.scheduledRuns()).toEqual([later]);
      restart();
      expect(journal.scheduledRuns()).toEqual([later]);
      fill();
      expect(journal.removeEntries(wall + 1, 0, "test")).toBeGreaterThan(1);
      restart();
      expect(journal.scheduledRuns()).toEqual([later]);
      now = later.keepUntil + 1;
      fill();
      expect(journal.removeEntries(wall + 1, 0, "test")).toBeGreaterThan(1);
      restart();
      expect(journal.scheduledRuns()).toEqual([]);
    });
  });

  test("an acknowledgement needs no commit of its own, and is in the log after a regular end", () => {
    put("a");
    const { calls } = storage;
    commit({ type: "markAcknowledged", requestId: "a" });
    expect(storage.calls).toBe(calls);
    // The process is killed: the response is sent once more.
    storage = storage.afterKill();
    journal = open();
    expect(journal.unacknowledged()).toHaveLength(1);
    commit({ type: "markAcknowledged", requestId: "a" });
    restart();
    expect(journal.unacknowledged()).toEqual([]);
    expect(journal.find("a")).toBeDefined();
  });

  test("forgets the acknowledged requests of a segment when none must be kept", () => {
    put("open");
    put("old", { state: "ended" });
    commit({ type: "markAcknowledged", requestId: "old" });
    journal.removeEntries(0, 1e9, "a flag");
    expect(journal.find("old")).toBeDefined();
    now = 200;
    journal.removeEntries(0, 1e9, "a flag");
    expect(journal.find("old")).toBeUndefined();
    expect(journal.find("open")).toBeDefined();
  });

  /** Fills some segments, a day apart. */
  function fillDays(days: number): void {
    for (let day = 0; day < days; day++) {
      put(`of day ${day}`, { state: "ended", parameters: { filler: "x".repeat(1500) } });
      commit({ type: "markAcknowledged", requestId: `of day ${day}` });
      wall += 24 * 60 * 60 * 1000;
    }
  }

  test("removes whole segments that are old and that no request needs, and records it", () => {
    fillDays(6);
    const before = wall - 3 * 24 * 60 * 60 * 1000;
    // They must still be kept, because a command may be repeated.
    expect(journal.removeEntries(before, 1e9, "a flag")).toBeUndefined();
    now = 200;
    const through = journal.removeEntries(before, 1e9, "a flag");
    expect(through).toBeGreaterThan(0);
    expect(journal.removeEntries(before, 1e9, "a flag")).toBeUndefined();
    const first = journal.log.segments[0]?.first ?? 0;
    expect(first).toBe((through ?? 0) + 1);
    restart();
    expect(journal.log.segments[0]?.first).toBe(first);
  });

  test("removes young segments, too, while the log is larger than its limit", () => {
    fillDays(6);
    now = 200;
    expect(journal.removeEntries(0, 1e9, "a flag")).toBeUndefined();
    journal.removeEntries(0, 3 * 2048, "a flag");
    const bytes = journal.log.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(4 * 2048);
  });

  test("keeps the segments of a request that has no acknowledgement, whatever the limit is", () => {
    put("open");
    fillDays(6);
    now = 200;
    expect(journal.removeEntries(wall, 0, "a flag")).toBeUndefined();
    restart();
    expect(journal.find("open")).toBeDefined();
  });

  test("refuses an entry of a type that this version does not know, by its sequence", () => {
    put("a");
    journal.log.append(['{"type":"from_the_future","at":"2026-01-01T00:00:00.000Z"}'], () => {});
    journal.close();
    storage = storage.afterKill();
    expect(open).toThrow(/entry 2 is not one of this version: entry of type "from_the_future"/);
    storage = new FaultyStorage();
    journal = open();
  });
});
