/** When a command began, by the control plane's clock, from what its agent tells. */
import { describe, expect, test } from "bun:test";
import type { Job, OpenRequest } from "../../../../../lib/control/core/model.ts";
import {
  buildOutcome,
  outcomeFromResponse,
  outcomeFromTimeout,
} from "../../../../../lib/control/core/requests/outcome.ts";
import type { AgentQueue } from "../../../../../lib/control/core/requests/requestTable.ts";
import { decodeFromAgent } from "../../../../../lib/protocol/wire/codec.ts";
import type { Response } from "../../../../../lib/protocol/wire/message.ts";

const job: Job = {
  jobId: "j",
  command: "ping",
  target: { all: true },
  timeoutMs: 1_000,
  ttlMs: 1_000,
  createdAt: 10_000,
  createdBy: "t",
};
const request: OpenRequest = { requestId: "r", jobId: "j", agentId: "a", state: "sent" };

function times(payload: object, { isExtended = true, now = 100_000 } = {}) {
  const envelope = { type: "response", request_id: "r", timestamp: "2026-01-01T00:00:00Z" };
  const text = JSON.stringify({ ...envelope, payload: { status: "success", ...payload } });
  const { message } = decodeFromAgent(text, { isExtended });
  const peer = { sessionId: 1, agentId: "a", isExtended, clockSetByMs: 0 };
  const { startedAt, executionMs } = buildOutcome(
    request,
    job,
    outcomeFromResponse(message as Response, peer),
    now,
  );
  return { startedAt, executionMs };
}

describe("the beginning of a command", () => {
  test("outcome: the start time is computed back from the receipt of the response", () => {
    const expected = { startedAt: 93_000, executionMs: 5_000 };
    expect(times({ execution_ms: 5_000, response_age_ms: 2_000 })).toEqual(expected);
    expect(times({ execution_ms: 5_000 })).toEqual({ startedAt: 95_000, executionMs: 5_000 });
  });

  test("is never before its job, whatever an agent says", () => {
    expect(times({ execution_ms: 9e12, response_age_ms: 9e12 })).toEqual({
      startedAt: 10_000,
      executionMs: 90_000,
    });
    expect(times({ execution_ms: 5_000, response_age_ms: 9e12 })).toEqual({
      startedAt: 10_000,
      executionMs: 5_000,
    });
  });

  test("outcome: missing or invalid times are ignored and the response is kept", () => {
    const unknown = { startedAt: undefined, executionMs: undefined };
    expect(times({})).toEqual(unknown);
    expect(times({ execution_ms: "long" })).toEqual(unknown);
    expect(times({ execution_ms: -1 })).toEqual(unknown);
    expect(times({ execution_ms: 5 }, { isExtended: false })).toEqual(unknown);
  });
});

test("a lost request says whether the agent with the journal that it was sent to is there", () => {
  const sent = { ...request, journalId: "first" };
  const peer = { sessionId: 1, agentId: "a", isExtended: true, clockSetByMs: 0 };
  const messageWith = (journalId?: string) => {
    const queue = { peer: journalId === undefined ? undefined : { ...peer, journalId } };
    return outcomeFromTimeout(sent, queue as AgentQueue, false).message;
  };
  expect(messageWith()).toBe("Sent, but the agent did not reconnect");
  expect(messageWith("first")).toBe("The agent is connected, but sent no response in time");
  expect(messageWith("second")).toContain("the agent has another journal since then");
});
