/** An update of the agent: to a version that works, and back from those that do not. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Running, wsctlCommand } from "../../support/processes/processes.ts";
import { written } from "../../support/processes/programs.ts";
import {
  broken,
  type Fault,
  Fleet,
  Host,
  isSame,
  newer,
  older,
} from "../../support/processes/updates.ts";

setDefaultTimeout(120_000);

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start(older, newer, ...Object.values(broken));
  for (const version of [older, newer, ...Object.values(broken)]) await fleet.publish(version);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

/** What belongs to updates and is still there. */
const leftBy = ({ agentDir }: Host) =>
  readdirSync(agentDir).filter((name) => name.includes("before-update"));

describe("a newer version", () => {
  test("takes the old one's place in the same process, and answers for itself", async () => {
    await using host = await Host.start(fleet, "web-1");
    chmodSync(host.file, 0o710);
    expect(await host.version()).toBe(older);
    const { pid } = host.agent;
    const outcome = await host.update(newer);
    expect(outcome).toMatchObject({
      outcome: "success",
      message: expect.stringMatching(/^updated from 0\.0\.9 to 0\.2\.0$/),
      result: { from: older, to: newer, version: newer, pid },
    });
    expect(await host.version()).toBe(newer);
    expect(host.has(newer)).toBe(true);
    expect(isSame(`${host.file}.previous`, fleet.file(older))).toBe(true);
    expect(statSync(host.file).mode & 0o777).toBe(0o710);
    expect(existsSync(`${host.file}.new`)).toBe(false);
    expect(leftBy(host)).toEqual([]);
    expect(host.agent.hasExited).toBe(false);
  });

  test("is the highest that is published, where none is named", async () => {
    await using host = await Host.start(fleet, "latest");
    // The highest of them is broken.
    const outcome = await host.send("update", { connect_seconds: 20, health_seconds: 1 });
    expect(outcome).toMatchObject({ outcome: "failed", result: { to: broken.migrate } });
    expect(await host.version()).toBe(older);
  });

  test("leaves a program of the operator's own alone, and reports all that it said", async () => {
    await using host = await Host.start(fleet, "busy");
    const [mark, go] = [join(host.agentDir, "mark"), join(host.agentDir, "go")];
    const wait = `while [ ! -e ${go} ]; do sleep 0.05; done`;
    const script = `echo before; echo $$ > ${mark}; ${wait}; echo after; exit 0`;
    const argv = JSON.stringify(["/bin/sh", "-c", script]);
    writeFileSync(join(host.commandsDir, "long.toml"), `description = "d"\nargv = ${argv}\n`);
    const answer = host.send("long");
    await written(mark);
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
    writeFileSync(go, "");
    expect(await answer).toMatchObject({ outcome: "success", message: "before\nafter" });
  });

  test("is announced while it is fetched, to whoever watches", async () => {
    await using host = await Host.start(fleet, "watched");
    const words = host.words("update", { version: newer, health_seconds: 1 });
    const command = [...wsctlCommand("binary"), ...words, "--data-dir", fleet.dataDir];
    await using operator = new Running(command);
    await operator.logged(/^\[watched\] release 0\.2\.0, signed by 2 of 2 trusted keys$/);
    await operator.logged(/^\[watched\] 10% of \d+\.\d MB$/);
    await operator.logged(/^\[watched\] 100% of \d+\.\d MB$/);
    await operator.logged(/^watched {2}success/);
    expect(await operator.exited).toBe(0);
  });

  test("that runs already is no reason to begin anew", async () => {
    await using host = await Host.start(fleet, "same");
    const outcome = await host.update(older);
    const message = `version ${older} already runs`;
    expect(outcome).toMatchObject({ outcome: "success", result: { version: older, message } });
    expect(host.agent.lines.filter((line) => /connected/.test(line))).toHaveLength(1);
    expect(existsSync(`${host.file}.previous`)).toBe(false);
  });

  test("that is older is refused unless that is asked for", async () => {
    await using host = await Host.start(fleet, "down");
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
    const refused = await host.update(older);
    expect(refused.outcome).toBe("failed");
    expect(refused.message).toContain(
      `version ${older} is older than the current ${newer}: set allow_downgrade to install it`,
    );
    expect(host.has(newer)).toBe(true);
    const done = await host.update(older, { allow_downgrade: true });
    expect(done).toMatchObject({ outcome: "success", result: { from: newer, to: older } });
    expect(await host.version()).toBe(older);
    expect(isSame(`${host.file}.previous`, fleet.file(newer))).toBe(true);
  });
});

describe("a version that does not work", () => {
  const faults: [Fault, object, RegExp][] = [
    ["crash", {}, /it ended by itself \(SIGKILL\)$/],
    ["mute", { connect_seconds: 2 }, /it did not connect within 2 s$/],
    ["migrate", {}, /it ended by itself \(SIGKILL\)$/],
  ];

  test.each(faults)("(%s) leaves everything as it was", async (fault, parameters, why) => {
    await using host = await Host.start(fleet, `on-${fault}`);
    const { pid } = host.agent;
    const outcome = await host.update(broken[fault], parameters);
    expect(outcome).toMatchObject({
      outcome: "failed",
      result: { from: older, to: broken[fault], version: older, pid },
    });
    expect(outcome.message).toMatch(/^rolled back to 0\.0\.9: .* failed its trial: /);
    expect(outcome.message).toMatch(why);
    expect(host.has(older)).toBe(true);
    expect(existsSync(`${host.file}.previous`)).toBe(false);
    expect(leftBy(host)).toEqual([]);
    expect(await host.version()).toBe(older);
    // Its journal takes what is asked next, and is found by the process after this one.
    expect(await host.send("restart")).toMatchObject({ outcome: "success" });
    expect(await host.update(newer)).toMatchObject({ outcome: "success" });
    expect(await host.version()).toBe(newer);
  });
});
