/** The core while the journal cannot be written. */
import { describe, expect, test } from "bun:test";
import { CoreInHand, epoch, outcomesIn } from "../../../support/harness/controlCore.ts";

describe("without a journal", () => {
  test("core: without a journal, an agent that needs a new journal ID is told to reconnect later", () => {
    const hand = new CoreInHand();
    const first = hand.connect("a");
    const failed = hand.step({ type: "commitFailed", writes: first.step.writes });
    const closed = [{ type: "log" }, { type: "close", name: "tryLater" }];
    expect(failed.effects).toMatchObject(closed);
    const again = hand.connect("a");
    expect(again.step.effects).toMatchObject(closed);
    hand.step({ type: "storageRecovered", open: { jobs: [], requests: [] } });
    const welcomed = hand.connect("a").step.effects;
    expect(welcomed).toMatchObject([{ type: "log" }, { message: { type: "welcome" } }]);
  });

  test("core: without a journal no job is accepted and responses are buffered until it is back", () => {
    const hand = new CoreInHand();
    const { sessionId } = hand.connect("a");
    const [failing = "", later = ""] = ["x", "y"].map(() => hand.submit(["a"]).requestIds[0]);
    const lost = hand.success(sessionId, failing);
    hand.step({ type: "commitFailed", writes: lost.writes });
    expect(hand.submit(["a"]).step.effects).toMatchObject([
      { type: "rejectJob", error: { code: "STORAGE_UNAVAILABLE" } },
    ]);
    expect(hand.success(sessionId, later)).toMatchObject({ writes: [], effects: [] });
    const jobs = [failing, later].map((id) => ({
      jobId: `job of ${id}`,
      command: "ping",
      target: { agents: ["a"] },
      timeoutMs: 30_000,
      ttlMs: 600_000,
      createdAt: epoch,
      createdBy: "operator",
    }));
    const requests = [failing, later].map(
      (requestId) =>
        ({
          requestId,
          jobId: `job of ${requestId}`,
          agentId: "a",
          state: "sent",
          sentAt: epoch,
        }) as const,
    );
    const back = hand.step({ type: "storageRecovered", open: { jobs, requests } });
    expect(outcomesIn(back)).toEqual({ [failing]: "success", [later]: "success" });
  });

  test("core: a request that got no response stays open while the journal cannot be written", () => {
    const hand = new CoreInHand();
    hand.connect("a");
    const [requestId = ""] = hand.submit(["a"]).requestIds;
    const lost = hand.pass(60_000);
    expect(outcomesIn(lost)).toEqual({ [requestId]: "lost TIMEOUT" });
    hand.step({ type: "commitFailed", writes: lost.writes });
    const job = { jobId: "j", command: "ping", target: { agents: ["a"] }, createdBy: "operator" };
    const jobs = [{ ...job, timeoutMs: 30_000, ttlMs: 600_000, createdAt: epoch }];
    const request = { requestId, jobId: "j", agentId: "a", state: "sent", sentAt: epoch } as const;
    const back = hand.step({ type: "storageRecovered", open: { jobs, requests: [request] } });
    expect(outcomesIn(back)).toEqual({});
    const { sessionId } = hand.connect("a");
    expect(outcomesIn(hand.success(sessionId, requestId))).toEqual({ [requestId]: "success" });
  });
});
