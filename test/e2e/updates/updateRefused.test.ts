/** Updates that a host does not take: it trusts nobody but its own keys, and not with everything. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { connectedAgent } from "../../support/processes/processes.ts";
import { Fleet, Host, newer, older } from "../../support/processes/updates.ts";

setDefaultTimeout(120_000);

/** Signed by one key; altered after it was signed; with a file that is not what was signed. */
const half = "0.4.0";
const altered = "0.4.1";
const tampered = "0.4.2";
let fleet: Fleet;
let host: Host;

beforeAll(async () => {
  fleet = await Fleet.start(older, newer, half, altered, tampered);
  host = await Host.start(fleet, "web-1");
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
});

/** Nothing was installed, nothing was tried, and the agent has not begun anew. */
async function expectUnchanged(): Promise<void> {
  expect(host.has(older)).toBe(true);
  expect(host.agent.lines.filter((line) => /connected/.test(line))).toHaveLength(1);
  expect(host.agent.lines.filter((line) => /trying/.test(line))).toEqual([]);
  expect(await host.version()).toBe(older);
}

test("one signature where two are wanted is not enough, and the second makes it enough", async () => {
  const signed = await fleet.sign(half, ["a"]);
  await fleet.publish(half, signed);
  const outcome = await host.update(half);
  expect(outcome.outcome).toBe("failed");
  expect(outcome.message).toMatch(/1 of 2 signatures by trusted keys .* has not signed/);
  await expectUnchanged();
  const add = (name: string) => {
    const key = ["--key", join(fleet.dir, `${name}.key`)];
    return fleet.release("sign", ...key, "--add", signed);
  };
  // The same key once more is no second one.
  await add("a");
  await fleet.publish(half, signed);
  expect((await host.update(half)).message).toMatch(/1 of 2 signatures by trusted keys/);
  await expectUnchanged();
  await add("b");
  await fleet.publish(half, signed);
  await using other = await Host.start(fleet, "web-2");
  expect(await other.update(half)).toMatchObject({ outcome: "success" });
});

test("a manifest that was altered after it was signed is refused", async () => {
  const signed = await fleet.sign(half);
  const text = readFileSync(signed, "utf8").replaceAll(half, altered);
  expect(text).toContain(altered);
  const path = join(fleet.dir, "altered.json");
  writeFileSync(path, text);
  await fleet.publish(altered, path, half);
  const outcome = await host.update(altered);
  expect(outcome.outcome).toBe("failed");
  expect(outcome.message).toMatch(/0 of 2 signatures by trusted keys .*has an invalid signature/);
  await expectUnchanged();
});

test("a file that is not what was signed is refused, and nothing of it is kept", async () => {
  await fleet.publish(tampered);
  const fd = openSync(fleet.stored(tampered), "r+");
  writeSync(fd, "x", 50_000_000);
  closeSync(fd);
  const outcome = await host.update(tampered);
  expect(outcome.outcome).toBe("failed");
  expect(outcome.message).toContain("is not the announced artifact: its SHA-256 does not match");
  expect(readdirSync(join(host.agentDir, "updates"))).toEqual([]);
  await expectUnchanged();
});

test("update: an unpublished version is refused by name", async () => {
  const outcome = await host.update("7.7.7");
  expect(outcome.outcome).toBe("failed");
  expect(outcome.message).toContain('No release "7.7.7" is published');
  await expectUnchanged();
});

test("wrong parameters are refused by name", async () => {
  for (const [parameters, name] of [
    [{ version: "new" }, "version"],
    [{ connect_seconds: 0 }, "connect_seconds"],
    [{ health_seconds: 601 }, "health_seconds"],
    [{ allow_downgrade: "yes" }, "allow_downgrade"],
    [{ force: true }, "force"],
  ] as const) {
    const words = host.words("update", parameters);
    const { code, stdout, stderr } = await fleet.run(...words);
    expect(stdout + stderr).toMatch(
      new RegExp(`INVALID_PARAMETERS.*parameters: ${name} |parameters\\.${name}[ :]`),
    );
    expect(code).toBe(1);
  }
  await expectUnchanged();
});

test("update: a host without release keys refuses every update", async () => {
  await using shut = await Host.start(fleet, "shut", { trust: [] });
  expect(await shut.update(half)).toMatchObject({
    outcome: "error",
    code: "FORBIDDEN",
    message: "this host trusts no release key: set one with wsctl agent --release-key",
  });
  expect(await shut.version()).toBe(older);
});

test("an agent that runs from its sources says that it has no file to replace", async () => {
  const { dataDir } = fleet;
  const args = fleet.keys.flatMap((key) => ["--release-key", key]);
  await using _agent = await connectedAgent({ dataDir, id: "sources", flavour: "bun", args });
  const sent = await fleet.run("send", "update", "--agent", "sources", "--ttl", "30s", "--json");
  expect(JSON.parse(sent.stdout)).toMatchObject({
    outcome: "error",
    code: "FORBIDDEN",
    message: "this agent runs from its sources, not from a single file: update the sources",
  });
});

test("an agent whose threshold no number of its keys can reach does not start", async () => {
  const words = ["agent", "--id", "x", "--release-threshold", "2"];
  const refused = await fleet.run(...words, "--release-key", fleet.keys[0] ?? "");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain(
    'Flag --release-threshold is "2": expected a number from 1 to 1',
  );
  const noKey = await fleet.run("agent", "--id", "x", "--release-key", "nonsense");
  expect(noKey).toMatchObject({ code: 2, stdout: "" });
  expect(noKey.stderr).toContain("Public key must be");
});

test("a trial that would outlast its request is refused before anything is fetched", async () => {
  const words = host.words("update", { version: newer, health_seconds: 600 });
  const { stdout } = await fleet.run(
    ...words.slice(0, -4),
    "--timeout",
    "30s",
    ...words.slice(-2),
    "--json",
  );
  const outcome = JSON.parse(stdout);
  expect(outcome.outcome).toBe("failed");
  expect(outcome.message).toMatch(
    /the trial can take \d+ s, but the timeout of the request is 30 s/,
  );
  await expectUnchanged();
});
