import { expect, test } from "bun:test";
import { AgentScope } from "../../../../lib/control/core/agents/agentScope.ts";
import type { Engine } from "../../../../lib/control/engine/engine.ts";
import { visibleEntries } from "../../../../lib/control/events/eventVisibility.ts";
import type { ControlEntry } from "../../../../lib/control/journal/entries.ts";

const agents = new Map(
  ["x", "y"].map((env) => {
    return [`in-${env}`, { record: { agentId: `in-${env}`, labels: { env } } }] as const;
  }),
);
const jobs = { ours: { createdBy: "me" }, theirs: { createdBy: "you" } };
const engine = {
  core: { registry: { agents } },
  journal: { job: (id: keyof typeof jobs) => jobs[id] },
} as unknown as Engine;
const me = { tokenId: "me" };
const sees = (entry: object) => {
  return visibleEntries(engine, me, new AgentScope({ target: "env=x" }))?.(entry as ControlEntry);
};

test.each<[string, object, object]>([
  [
    "a job",
    { type: "job_created", job: { createdBy: "me" } },
    { type: "job_created", job: { createdBy: "you" } },
  ],
  [
    "an outcome",
    { type: "request_ended", outcome: { jobId: "ours" } },
    { type: "request_ended", outcome: { jobId: "theirs" } },
  ],
  [
    "a schedule",
    { type: "schedule_stored", schedule: { createdBy: "me" } },
    { type: "schedule_stored", schedule: { createdBy: "you" } },
  ],
  [
    "an agent that joins",
    { type: "token_stored", token: { agentId: "in-x" } },
    { type: "token_stored", token: { agentId: "in-y" } },
  ],
  [
    "an agent that connects",
    { type: "action_recorded", details: { resource: { agent: "in-x" } } },
    { type: "action_recorded", details: { resource: { agent: "in-y" } } },
  ],
  [
    "a condition",
    { type: "event_recorded", event: "agent.offline", data: { agent_id: "in-x" } },
    { type: "event_recorded", event: "disk.low", data: { free_percent: 5 } },
  ],
])("a restricted token sees %s of its own, and none of others", (_what, own, other) => {
  expect({ own: sees(own), other: sees(other) }).toEqual({ own: true, other: false });
});

test("a restricted token sees nothing of an agent that was deleted, or of another kind of entry", () => {
  const gone = { type: "event_recorded", event: "agent.offline", data: { agent_id: "gone" } };
  expect(sees(gone)).toBe(false);
  expect(sees({ type: "action_recorded", details: { action: "token.create" } })).toBe(false);
  expect(sees({ type: "job_cancelled", job_id: "ours" })).toBe(false);
});

test("a token that may only run some commands sees all agents and its own jobs", () => {
  const isVisible = visibleEntries(engine, me, new AgentScope({ commands: ["ping"] }));
  const connected = { type: "action_recorded", details: { resource: { agent: "in-y" } } };
  expect(isVisible?.(connected as unknown as ControlEntry)).toBe(true);
  const theirs = { type: "job_created", job: { createdBy: "you" } } as unknown as ControlEntry;
  expect(isVisible?.(theirs)).toBe(false);
});

test("a token without restrictions has no filter", () => {
  expect(visibleEntries(engine, me, new AgentScope({}))).toBeUndefined();
});
