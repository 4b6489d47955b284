/** Hosts that join: what the string is good for, what is compared first, and what a copy does. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { TokenView } from "../../lib/protocol/api/tokens.ts";
import { generateKey } from "../../lib/protocol/keys.ts";
import { formatKeyId } from "../../lib/protocol/wire/keyProof.ts";
import { expectRefusal, jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";

setDefaultTimeout(60_000);

describe.each(["binary", "deno"] as const)("joining, on %s", (flavour) => {
  test("join: a join string registers one host and is then used up", async () => {
    await using fleet = await JoinableFleet.start({ flavour });
    const text = await fleet.joinText("--label", "env=prod");
    const host = fleet.newHost();
    const agent = fleet.agent(host, "--id", "web-1", "--join", text);
    await agent.logged(/joined https:\/\/127\.0\.0\.1:\d+ as web-1/);
    await agent.logged(/ connected$/);
    const sent = await fleet.run("send", "ping", "--agent", "web-1");
    expect(sent).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Job \S+\n$/) });
    const [shown] = jsonLines<{ labels: object }>(
      await fleet.run("agents", "show", "web-1", "--json"),
    );
    expect(shown?.labels).toEqual({ env: "prod" });
    const identity = join(host, "agents", "web-1", "identity.json");
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    // The control plane has the public half alone.
    const key = JSON.parse(readFileSync(identity, "utf8")).private_key.split("\n")[1];
    for (const file of ["index.db", "index.db-wal", join("log", "0000000000000001.log")]) {
      expect(readFileSync(join(fleet.dataDir, file)).includes(key)).toBe(false);
    }
    await agent.stop();

    const again = fleet.agent(host, "--id", "web-1", "--join", text);
    await again.logged(/ connected$/);
    expect(again.lines.join("\n")).not.toContain("joined");
    const second = fleet.agent(fleet.newHost(), "--id", "web-2", "--join", text);
    expect(await second.exited).toBe(4);
    expect(second.lines.at(-1)).toMatch(/rejected the join string: it was used or revoked/);
  });

  test("the authority is compared before anything is sent", async () => {
    await using fleet = await JoinableFleet.start({ flavour });
    await using other = await JoinableFleet.start({ flavour });
    const text = await fleet.joinText();
    const [prefix, , , token] = text.split(".");
    const place = Buffer.from(other.serving.url).toString("base64url");
    const [, fingerprint] = text.split(".");
    const forged = [prefix, fingerprint, place, token].join(".");
    const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", forged);
    expect(await agent.exited).toBe(4);
    expect(agent.lines.at(-1)).toMatch(/is not the control plane .* Nothing was sent to it/);
    expect(other.serving.process.lines.join("\n")).not.toContain("refused");
    // Still good: nobody has seen it.
    const right = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", text);
    await right.logged(/ connected$/);
  });

  test("its key is renewed by the agent itself, also when the answer is lost", async () => {
    await using fleet = await JoinableFleet.start({ flavour });
    const host = fleet.newHost();
    const text = await fleet.joinText();
    const args = ["--id", "web-1", "--join", text];
    const agent = fleet.agent(host, ...args, "--key-lifetime", "1s");
    await agent.logged(/key renewed/);
    await agent.stop();
    const keys = jsonLines<TokenView>(await fleet.run("tokens", "--json")).filter(
      ({ kind }) => kind === "key",
    );
    expect(keys.filter(({ state }) => state === "active")).toHaveLength(1);
    expect(keys.filter(({ state }) => state === "revoked").length).toBeGreaterThan(0);
    // As if it had been killed before it heard that the new key is in force.
    const path = join(host, "agents", "web-1", "identity.json");
    const stored = JSON.parse(readFileSync(path, "utf8"));
    const { pem: private_key, publicKey } = generateKey();
    const next_key = stored.private_key;
    const lost = { ...stored, private_key, key_id: formatKeyId(publicKey), next_key };
    writeFileSync(path, JSON.stringify(lost));
    const back = fleet.agent(host, "--id", "web-1");
    await back.logged(/ connected$/);
    expect(JSON.parse(readFileSync(path, "utf8"))).not.toHaveProperty("next_key");
  });
});

test("a copied identity is found out, both copies are fenced, and the operator is told", async () => {
  await using fleet = await JoinableFleet.start();
  const host = fleet.newHost();
  const first = fleet.agent(host, "--id", "web-1", "--join", await fleet.joinText());
  await first.logged(/ connected$/);
  const copy = fleet.newHost();
  cpSync(host, copy, { recursive: true });
  const thief = fleet.agent(copy, "--id", "web-1");
  await thief.logged(/ connected$/);
  await first.stop();
  const back = fleet.agent(host, "--id", "web-1");
  await back.logged(/4410/);
  await thief.logged(/4410|used from two places/);
  await fleet.serving.process.logged(/ERROR agent fenced: its key is used from two places/);
  const keys = jsonLines<TokenView>(await fleet.run("tokens", "--json"));
  expect(keys.find(({ kind }) => kind === "key")?.state).toBe("fenced");
  expect((await fleet.run("agents")).stdout).toMatch(/web-1 +offline, blocked \(fenced\)/);
  expect((await fleet.run("audit", "export")).stdout).toContain('"action":"agent.fence"');
  const sent = await fleet.run("send", "ping", "--agent", "web-1", "--ttl", "1s");
  expect(sent.code).toBe(1);
  await thief.stop();
  await back.stop();
  // Only a new string for this very agent brings it back.
  const general = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
  expect(await general.exited).toBe(1);
  expect(general.lines.at(-1)).toMatch(/Agent "web-1" already exists.*--agent web-1/);
  const text = await fleet.joinText("--agent", "web-1");
  const fixed = fleet.agent(host, "--join", text);
  await fixed.logged(/ connected$/);
  expect((await fleet.run("send", "ping", "--agent", "web-1")).code).toBe(0);
});

test("a string for one agent is for no other, and one for several is for so many", async () => {
  await using fleet = await JoinableFleet.start();
  const text = await fleet.joinText("--agent", "db-1");
  const wrong = fleet.agent(fleet.newHost(), "--id", "db-2", "--join", text);
  expect(await wrong.exited).toBe(4);
  expect(wrong.lines.at(-1)).toMatch(/for agent "db-1"\. Start the agent with --id db-1/);
  const right = fleet.agent(fleet.newHost(), "--join", text);
  await right.logged(/as db-1/);
  const several = await fleet.joinText("--uses", "2");
  for (const id of ["a-1", "a-2"]) {
    await fleet.agent(fleet.newHost(), "--id", id, "--join", several).logged(/ connected$/);
  }
  const third = fleet.agent(fleet.newHost(), "--id", "a-3", "--join", several);
  expect(await third.exited).toBe(4);
});

test("join: a new agent cannot take the ID or the labels of a revoked agent", async () => {
  await using fleet = await JoinableFleet.start();
  const first = await fleet.joinText("--agent", "prod-9", "--label", "env=prod");
  await fleet.agent(fleet.newHost(), "--join", first).logged(/ connected$/);
  await fleet.run("agents", "revoke", "prod-9");
  const thief = fleet.agent(fleet.newHost(), "--id", "prod-9", "--join", await fleet.joinText());
  expect(await thief.exited).toBe(1);
  expect(thief.lines.at(-1)).toMatch(/Agent "prod-9" already exists/);
});

test("an agent waits for approval where serve asks for it", async () => {
  await using fleet = await JoinableFleet.start({ args: ["--approve-agents"] });
  const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText());
  await agent.logged(/wsctl agents approve web-1/);
  await agent.logged(/4423/);
  expect(agent.lines.join("\n")).not.toMatch(/ connected$/m);
  expectRefusal(await fleet.run("agents", "approve", "web-2"), 1, /not pending approval/);
  expect((await fleet.run("agents")).stdout).toMatch(/web-1 +offline, pending approval/);
  expect((await fleet.run("agents", "approve", "web-1")).stdout).toBe("approved web-1\n");
  await agent.logged(/ connected$/);
});

test("a join string that is none is refused without a word of it", async () => {
  await using fleet = await JoinableFleet.start();
  const text = await fleet.joinText();
  for (const wrong of [text.slice(0, -1), `x${text}`, text.replace("wsj1", "wsj2"), "secret"]) {
    const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", wrong);
    expect(await agent.exited).toBe(2);
    expect(agent.lines.join("\n")).toMatch(/Invalid or truncated join string/);
    expect(agent.lines.join("\n")).not.toContain(wrong);
  }
});

test("join: a join token gives no access but to join", async () => {
  await using fleet = await JoinableFleet.start();
  const [, , , token = ""] = (await fleet.joinText()).split(".");
  for (const args of [["agents"], ["jobs"], ["tokens"], ["send", "ping", "--all"]]) {
    expectRefusal(await fleet.runAs(token, ...args), 4, /role/);
  }
});

test("whoever answers in the place of the control plane learns no secret in plain text", async () => {
  await using fleet = await JoinableFleet.start();
  let seen = "";
  const thief = createServer((request, response) => {
    seen += JSON.stringify(request.headers);
    response.end();
  }).listen(0, "127.0.0.1");
  const { port } = thief.address() as { port: number };
  const [prefix, fingerprint, , token] = (await fleet.joinText()).split(".");
  const place = Buffer.from(`https://127.0.0.1:${port}`).toString("base64url");
  const text = [prefix, fingerprint, place, token].join(".");
  const agent = fleet.agent(fleet.newHost(), "--id", "web-1", "--join", text);
  await agent.logged(/waiting for the control plane/);
  await agent.stop();
  thief.close();
  expect(seen).toBe("");
});
