/** Peers that do one thing wrong fail exactly the checks of that thing; right ones fail none. */
import { beforeAll, expect, test } from "bun:test";
import { AgentSession } from "../../../lib/conformance/agentSession.ts";
import { agentChecks, runAgentSuite } from "../../../lib/conformance/agentSuite.ts";
import type { CheckResult } from "../../../lib/conformance/check.ts";
import { ControlSession } from "../../../lib/conformance/controlSession.ts";
import { controlChecks, runControlSuite } from "../../../lib/conformance/controlSuite.ts";
import { type AgentFault, StandardAgent } from "../../support/peers/standardAgent.ts";
import { type ControlFault, StandardControl } from "../../support/peers/standardControl.ts";
import { wrongAgents, wrongControls } from "../../support/peers/wrongPeers.ts";

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

async function runOnAgent(fault?: AgentFault, offered?: string): Promise<CheckResult[]> {
  const session = await AgentSession.open({
    ...{ host: "127.0.0.1", port: 0, path: "/agent", command: "ping" },
    ...{ answerMs: 250, heartbeatMs: 800, statusMs: 1_000, connectMs: 4_000 },
  });
  using _agent = new StandardAgent(session.url, fault, offered);
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
let offering: string[];

beforeAll(async () => {
  [agents, controls, offering] = await Promise.all([
    runAll(wrongAgents, (fault) => runOnAgent(fault)),
    runAll(wrongControls, runOnControl),
    runOnAgent(undefined, "wsctl.v1").then(failedIn),
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

test("an agent may offer a subprotocol first, and connect again without it", () => {
  expect(offering).toEqual([]);
});
