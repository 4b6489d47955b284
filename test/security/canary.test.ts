/** Secrets stay where they belong: in no log, in nobody's arguments, in no URL, on no disk in clear. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";

setDefaultTimeout(60_000);

/** The arguments of every process of this machine, as any user could read them. */
function allArguments(): string {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1");
      } catch {
        // It has ended meanwhile.
        return "";
      }
    })
    .join("\n");
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("no token, key or passphrase is in a log, database or file that others can read", async () => {
  await using fleet = await JoinableFleet.start();
  const host = fleet.newHost();
  const file = join(host, "join");
  const text = await fleet.joinText("--label", "env=prod");
  writeFileSync(file, text, { mode: 0o600 });
  const agent = fleet.agent(host, "--id", "web-1", "--join", `@${file}`);
  await agent.logged(/ connected$/);
  const operator = await fleet.newToken("--role", "operator");
  const bearer = await fleet.newToken("--agent", "plc-7");
  await fleet.runAs(operator, "send", "ping", "--agent", "web-1");
  await fleet.runAs(operator, "tokens");
  await fleet.runAs(`${operator}x`, "agents");
  const waiting = fleet.runAs(operator, "send", "ping", "--agent", "plc-7", "--ttl", "2s");
  await fleet.serving.process.logged(/total=1/);
  const seen = allArguments();
  await waiting;
  const identity = join(host, "agents", "web-1", "identity.json");
  const { private_key } = JSON.parse(readFileSync(identity, "utf8"));
  const secrets = {
    join: text.split(".")[3]?.slice(-64) ?? "",
    operator: operator.slice(-64),
    bearer: bearer.slice(-64),
    local: adminToken(fleet.dataDir).slice(-64),
    key: String(private_key).split("\n")[1] ?? "",
    authority: readFileSync(join(fleet.dataDir, "tls", "ca-key.pem"), "utf8").split("\n")[1] ?? "",
  };
  const logs = [...fleet.serving.process.lines, ...agent.lines].join("\n");
  const kept: Record<string, string[]> = {
    local: ["local.json"],
    authority: ["ca-key.pem"],
    key: ["identity.json"],
    join: ["join"],
  };
  const files = [...filesBelow(`${fleet.dataDir}`), ...filesBelow(host)];
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret.length).toBeGreaterThan(40);
    expect({ name, inLogs: logs.includes(secret) }).toEqual({ name, inLogs: false });
    expect({ name, inArguments: seen.includes(secret) }).toEqual({ name, inArguments: false });
    const holders = files.filter((path) => readFileSync(path, "latin1").includes(secret));
    const names = holders.map((path) => path.split("/").at(-1));
    expect({ name, names }).toEqual({ name, names: kept[name] ?? [] });
  }
});
