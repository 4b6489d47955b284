/** Whatever breaks in while an update is under way, the agent is there afterwards, and tells. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeNewerFormat } from "../../../cmd/agent/plantedFault.ts";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { gone, isAlive } from "../../support/processes/programs.ts";
import { Fleet, Host, newer, older } from "../../support/processes/updates.ts";
import { Gate } from "../../support/servers/gate.ts";

setDefaultTimeout(120_000);

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start(older, newer);
  await fleet.publish(newer);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** A host whose download stops in the middle, an update that has come so far, and its answer. */
async function midway(id: string) {
  const stack = new AsyncDisposableStack();
  const gate = stack.use(await Gate.to(fleet.serving.port));
  const host = stack.use(await Host.start(fleet, id, { server: gate.url }));
  gate.shut(40_000_000);
  const answer = host.update(newer);
  await gate.reached();
  const bytes = statSync(fleet.file(newer)).size;
  return { stack, gate, host, answer, bytes };
}

/** An update whose new version is on trial for as long as the test wants. */
async function onTrial(id: string) {
  const host = await Host.start(fleet, id);
  const answer = host.update(newer, { health_seconds: 600 });
  const child = await host.onTrial();
  return { host, answer, child };
}

/** That the old version answers, with this reason. */
function expectWentBack(outcome: OutcomeLine, why: string): void {
  const result = { from: older, to: newer, version: older };
  expect({ ...outcome, message: "" }).toMatchObject({ outcome: "failed", result });
  expect(outcome.message).toMatch(/^rolled back to 0\.0\.9: 0\.2\.0 failed its trial: /);
  expect(outcome.message).toEndWith(`: ${why}`);
}

/** Copies of the journal that updates have left. */
const copies = ({ agentDir }: Host) =>
  readdirSync(agentDir).filter((name) => name.includes("before-update"));

describe("while it is fetched", () => {
  test("an agent that is killed goes on with it when it comes back", async () => {
    const { stack, gate, host, answer, bytes } = await midway("killed");
    await using _all = stack;
    await host.agent.kill();
    await host.startAgain();
    await host.agent.logged(/taking up command=update/);
    gate.open();
    expect(await answer).toMatchObject({ outcome: "success", result: { version: newer } });
    expect(await host.version()).toBe(newer);
    // The program that fetches has outlived the agent: nothing was fetched twice.
    expect(gate.passedBytes).toBeLessThan(bytes * 1.1);
  });

  test("a control plane that is killed is asked for the rest when it is back", async () => {
    const { stack, gate, host, answer, bytes } = await midway("resumed");
    await using _all = stack;
    const [part = ""] = readdirSync(join(host.agentDir, "updates"));
    expect(part).toEndWith(".part");
    await fleet.restartServe();
    gate.open();
    expect(await answer).toMatchObject({ outcome: "success", result: { version: newer } });
    expect(await host.version()).toBe(newer);
    expect(gate.passedBytes).toBeLessThan(bytes * 1.2);
  });

  test("a job that is cancelled ends it, and the next one goes on from there", async () => {
    const { stack, gate, host, answer, bytes } = await midway("cancelled");
    await using _all = stack;
    const [job = ""] = (await fleet.run("jobs")).stdout.match(/[0-9a-f-]{36}/) ?? [];
    await fleet.run("jobs", "cancel", job);
    expect(await answer).toMatchObject({ outcome: "cancelled", code: "STOPPED" });
    expect(host.has(older)).toBe(true);
    expect(host.agent.lines.filter((line) => /trying/.test(line))).toEqual([]);
    gate.open();
    expect(await host.version()).toBe(older);
    gate.shut(Number.POSITIVE_INFINITY);
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
    expect(gate.passedBytes).toBeLessThan(bytes * 0.9);
  });

  test("a second update waits, and both end", async () => {
    const { stack, gate, host, answer } = await midway("twice");
    await using _all = stack;
    const second = host.update(newer);
    await host.agent.logged(/connected/);
    gate.open();
    const outcomes: OutcomeLine[] = [await answer, await second];
    expect(outcomes[0]).toMatchObject({ outcome: "success", result: { version: newer } });
    // It comes while the new one proves itself, or to the new one.
    const isSame = outcomes[1]?.message === `version ${newer} already runs`;
    expect(isSame ? "same" : outcomes[1]?.code).toBeOneOf(["same", "BUSY"]);
    expect(await host.version()).toBe(newer);
  });
});

describe("while it is tried", () => {
  test("the new version answers commands, but takes no other update", async () => {
    const { host, answer } = await onTrial("asked");
    await using _host = host;
    expect(await host.version()).toBe(newer);
    expect(await host.update(newer)).toMatchObject({ outcome: "error", code: "BUSY" });
    await host.agent.kill();
    await host.startAgain();
    expectWentBack(await answer, "it was interrupted");
  });

  test("update: if the old process is killed during the trial, the new one ends and the old version restarts", async () => {
    const { host, answer, child } = await onTrial("orphaned");
    await using _host = host;
    await host.agent.kill();
    await gone(child);
    await host.startAgain();
    expectWentBack(await answer, "it was interrupted");
    expect(host.has(older)).toBe(true);
    expect(await host.version()).toBe(older);
    expect(copies(host)).toEqual([]);
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
  });

  test("the journal of an old one that is killed is put back, if only the new one can read it", async () => {
    const { host, answer, child } = await onTrial("migrated");
    await using _host = host;
    await host.agent.kill();
    await gone(child);
    // As a version does that has written a newer format before it was interrupted.
    writeNewerFormat(join(host.agentDir, "log"));
    await host.startAgain();
    expectWentBack(await answer, "it was interrupted");
    expect(await host.version()).toBe(older);
    expect(copies(host)).toEqual([]);
  });

  test("update: if the new version is killed, the agent returns to the old version", async () => {
    const { host, answer, child } = await onTrial("killed-child");
    await using _host = host;
    expect(await host.version()).toBe(newer);
    process.kill(child, "SIGKILL");
    expectWentBack(await answer, "it ended by itself (SIGKILL)");
    expect(await host.version()).toBe(older);
  });

  test("a new version that loses its connection for good is gone back from", async () => {
    await using gate = await Gate.to(fleet.serving.port);
    await using host = await Host.start(fleet, "silent", { server: gate.url });
    const answer = host.update(newer, { health_seconds: 600, connect_seconds: 2 });
    const child = await host.onTrial();
    expect(await host.version()).toBe(newer);
    gate.lock();
    await gone(child);
    gate.open();
    expectWentBack(await answer, "it lost its connection and did not reconnect");
    expect(await host.version()).toBe(older);
  });

  test("an agent that is told to end ends with the new version, and the old one comes back", async () => {
    const { host, answer, child } = await onTrial("stopped");
    await using _host = host;
    expect(await host.agent.stop()).toBe(0);
    expect(isAlive(child)).toBe(false);
    expect(host.has(older)).toBe(true);
    await host.startAgain();
    expectWentBack(await answer, "it was interrupted");
    expect(await host.version()).toBe(older);
    expect(existsSync(`${host.file}.previous`)).toBe(false);
    expect(copies(host)).toEqual([]);
  });

  test("a new version that hangs is ended all the same", async () => {
    const { host, answer, child } = await onTrial("hanging");
    await using _host = host;
    process.kill(child, "SIGSTOP");
    expect(await host.agent.stop()).toBe(0);
    expect(isAlive(child)).toBe(false);
    await host.startAgain();
    expectWentBack(await answer, "it was interrupted");
  });
});
