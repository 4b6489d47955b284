/** Peers that do one thing wrong fail exactly the checks of that thing; right ones fail none. */
import { beforeAll, expect, test } from "bun:test";
import { AgentSession } from "../../../lib/conformance/agentSession.ts";
import { agentChecks, runAgentSuite } from "../../../lib/conformance/agentSuite.ts";
import type { CheckResult } from "../../../lib/conformance/check.ts";
import { ControlSession } from "../../../lib/conformance/controlSession.ts";
import { controlChecks, runControlSuite } from "../../../lib/conformance/controlSuite.ts";
import { type AgentFault, StandardAgent } from "../../support/peers/standardAgent.ts";
import { type ControlFault, StandardControl } from "../../support/peers/standardControl.ts";

const timestamps = ["heartbeat", "status_update", "response", "error"];

/** What each wrong agent fails; `GROUP/*` is every check of a group. */
const wrongAgents: Readonly<Record<AgentFault, string[]>> = {
  "no-token": ["connection/token"],
  "token-in-url": ["connection/no-secret-in-url"],
  "other-path": ["connection/path"],
  origin: ["connection/no-origin"],
  "no-heartbeat": ["heartbeat/first", "heartbeat/again", "reconnect/heartbeat"],
  "heartbeat-once": ["heartbeat/again"],
  "heartbeat-flood": ["heartbeat/not-a-flood"],
  "heartbeat-payload": ["heartbeat/empty"],
  "no-status": ["status_update/first", "status_update/again"],
  "status-once": ["status_update/again"],
  "cpu-number": ["status_update/cpu", "status_update/cpu-percent"],
  "cpu-without-percent": ["status_update/cpu-percent"],
  "memory-without-unit": ["status_update/memory-unit"],
  "timestamp-local": timestamps.map((type) => `${type}/timestamp-utc`),
  "timestamp-epoch": timestamps.flatMap((type) => [`${type}/timestamp`, `${type}/timestamp-utc`]),
  "heartbeat-without-payload": ["heartbeat/payload"],
  // The first check that needs the agent back; the ones after it are skipped.
  "no-reconnect": ["limits/binary-frame"],
  "reconnects-at-once": ["reconnect/pauses"],
  "gives-up-when-refused": ["reconnect/refused"],
  "answers-twice": ["command/once"],
  "status-ok": ["command/success", "response/status"],
  "numeric-message": ["response/message"],
  "silent-on-unknown": ["command/unknown", "command/case", "command/prototype-name"],
  "response-to-unknown": ["command/unknown", "command/case", "command/prototype-name"],
  "other-code": ["command/unknown-code"],
  "closes-on-malformed": [
    ...["malformed/*", "survives/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    "errors/no-answer-to-malformed-error",
  ],
  "silent-on-malformed": ["malformed/*", "errors/echoes-request-id", "errors/unknown-request-id"],
  "error-to-error": ["errors/no-answer-to-error", "errors/no-answer-to-malformed-error"],
  "refuses-unknown-fields": [
    ...["accepts/extra-field", "accepts/extra-payload-field", "accepts/proto-field"],
  ],
  "refuses-unicode-id": ["accepts/unicode-request-id"],
  "refuses-old-timestamp": [
    ...["accepts/old-timestamp", "accepts/future-timestamp", "accepts/plus-zero"],
    "accepts/nanoseconds",
  ],
  "runs-again": ["command/repeated"],
  "binary-heartbeat": ["connection/text-frames"],
  "says-hello": ["connection/standard-types"],
  "error-without-code": ["command/unknown-code", "error/code"],
  "cut-parameters": ["command/large-parameters"],
  "ignores-case": ["command/case"],
};

const refusalsOfErrors = [
  "accepts/error",
  "errors/no-answer-to-error",
  "answer/error",
  "answer/own-code",
];
const forgotten = [
  "answer/success",
  "answer/failed",
  "answer/extra-field",
  "answer/long-message",
  "answer/late",
];

const wrongControls: Readonly<Record<ControlFault, string[]>> = {
  "accepts-any-token": [
    ...["connection/refuses-no-token", "connection/refuses-wrong-token"],
    ...["connection/refuses-wrong-scheme", "connection/refusal-code"],
  ],
  "accepts-no-token": ["connection/refuses-no-token"],
  "refuses-by-status": ["connection/refusal-code"],
  "agrees-to-anything": ["connection/no-subprotocol"],
  "says-welcome": ["connection/standard-types"],
  "keeps-the-silent": ["liveness/silent", "liveness/silent-code"],
  "counts-heartbeats-alone": ["liveness/any-message"],
  "error-to-error": [...refusalsOfErrors, "errors/no-answer-to-malformed-error"],
  "silent-on-malformed": [
    ...["malformed/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    ...["errors/unknown-type", "errors/unknown-type-code", "errors/wrong-side"],
    ...["errors/wrong-side-code", "limits/many-refusals"],
  ],
  "closes-on-malformed": [
    ...["malformed/*", "survives/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    ...["errors/unknown-type", "errors/unknown-type-code", "errors/wrong-side"],
    ...["errors/wrong-side-code", "errors/no-answer-to-malformed-error", "limits/many-refusals"],
  ],
  "refuses-spaces": ["accepts/status-spaces"],
  "refuses-over-100": ["accepts/status-many-cores"],
  "refuses-unknown-fields": ["accepts/extra-field", "accepts/proto-field", "answer/extra-field"],
  "ignores-binary": ["limits/binary-frame-closes"],
  "silent-on-unknown-request": ["errors/unknown-request", "errors/unknown-request-code"],
  "numeric-id": [...forgotten, "command/request-id"],
  "same-id": ["command/unique"],
  "sends-again": ["command/once"],
  "parameters-list": ["command/parameters"],
  "timestamp-local": ["command/timestamp"],
  "closes-on-second-answer": ["answer/second"],
  "forgets-requests": forgotten,
  "takes-large-messages": ["limits/large-message"],
  "refuses-errors": refusalsOfErrors,
  "unnamed-command": ["command/name"],
  "refuses-bursts": ["limits/burst"],
  "takes-floods": ["limits/flood"],
};

function failedIn(results: readonly CheckResult[]): string[] {
  return results
    .filter(({ verdict }) => verdict === "failed")
    .map(({ id }) => id)
    .sort();
}

function expand(patterns: readonly string[], ids: readonly string[]): string[] {
  return patterns
    .flatMap((pattern) =>
      pattern.endsWith("/*") ? ids.filter((id) => id.startsWith(pattern.slice(0, -1))) : [pattern],
    )
    .sort();
}

async function runOnAgent(fault?: AgentFault): Promise<CheckResult[]> {
  const session = await AgentSession.open({
    ...{ host: "127.0.0.1", port: 0, path: "/agent", command: "ping" },
    ...{ answerMs: 250, heartbeatMs: 800, statusMs: 1_000, connectMs: 4_000 },
  });
  using _agent = new StandardAgent(session.url, fault);
  const results = await runAgentSuite(session);
  session.close();
  return results;
}

async function runOnControl(fault?: ControlFault): Promise<CheckResult[]> {
  using plane = new StandardControl(fault);
  const session = new ControlSession({
    ...{ url: plane.url, trust: {}, token: "secret", answerMs: 250, heartbeatMs: 100 },
    sendCommand: async () => plane.send(),
  });
  const results = await runControlSuite(session);
  session.close();
  return results;
}

/** All peers at the same time: most of a run is waiting. */
async function runAll<Fault extends string>(
  table: Readonly<Record<Fault, string[]>>,
  run: (fault?: Fault) => Promise<CheckResult[]>,
): Promise<Map<string, string[]>> {
  const faults = Object.keys(table) as Fault[];
  const results = await Promise.all([undefined, ...faults].map(run));
  return new Map(results.map((each, index) => [faults[index - 1] ?? "none", failedIn(each)]));
}

let agents: Map<string, string[]>;
let controls: Map<string, string[]>;

beforeAll(async () => {
  [agents, controls] = await Promise.all([
    runAll(wrongAgents, runOnAgent),
    runAll(wrongControls, runOnControl),
  ]);
}, 120_000);

function checkTable(
  found: ReadonlyMap<string, string[]>,
  table: Readonly<Record<string, string[]>>,
  ids: readonly string[],
): void {
  const expected = Object.entries(table).map(([fault, list]) => [fault, expand(list, ids)]);
  expect(Object.fromEntries(found)).toEqual({ none: [], ...Object.fromEntries(expected) });
}

test("the suite finds each wrong agent by its fault, and nothing in a right one", () => {
  const ids = agentChecks.map(({ id }) => id);
  checkTable(agents, wrongAgents, ids);
});

test("the suite finds each wrong control plane by its fault, and nothing in a right one", () => {
  const ids = controlChecks.map(({ id }) => id);
  checkTable(controls, wrongControls, ids);
});
