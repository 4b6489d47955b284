/** An agent's log: who may open it, and what `wsctl log` and `wsctl audit` say of it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditLine } from "../../lib/protocol/api/audit.ts";
import { headWritten } from "../fault/damageLog.ts";
import { jsonLines } from "../support/processes/cli.ts";
import {
  connectedAgent,
  Running,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

/** Runs pings on an agent and calls `use` with its log while the agent is connected. */
async function withLog(use: (logDir: string, dataDir: string) => Promise<void>): Promise<void> {
  using dataDir = temporaryDir();
  await using _serving = await startServe({ dataDir });
  await using _agent = await connectedAgent({ dataDir, id: "web-1" });
  for (let run = 0; run < 3; run++) {
    const sent = await wsctl(["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`]);
    expect(sent.code).toBe(0);
  }
  await use(join(dataDir, "agents", "web-1", "log"), `${dataDir}`);
}

test("wsctl log reads the log of an agent that is running", async () => {
  await withLog(async (logDir) => {
    const dump = await wsctl(["log", "dump", logDir]);
    const entries = jsonLines<{ sequence: number; type: string }>(dump);
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    const types = entries.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["identity_assigned", "request_ended"]));
    expect(types.filter((type) => type === "request_ended")).toHaveLength(3);
    const rest = await wsctl(["log", "dump", logDir, "--after", "2"]);
    expect(jsonLines(rest)).toEqual(entries.slice(2));
    const stat = await wsctl(["log", "stat", logDir, "--json"]);
    expect(jsonLines(stat)[0]).toMatchObject({
      owner: "agent",
      first_sequence: 1,
      last_sequence: entries.length,
      segments: 1,
      bytes: 256 * 1024,
    });
    expect((await wsctl(["log", "stat", logDir])).stdout).toMatch(
      /^log of the agent, id .*\n.* in 1 segment, /,
    );
  });
});

test("wsctl log verify detects a changed entry, and an end that was cut off, by a stored head", async () => {
  await withLog(async (logDir, dataDir) => {
    const verify = (dir: string, ...args: string[]) => wsctl(["log", "verify", dir, ...args]);
    const first = await verify(logDir);
    const head = first.stdout.trim().split(/\s+/)[1] ?? "";
    expect(first.stdout).toMatch(/^whole {2}\d+:[0-9a-f]{64}$/m);
    expect((await verify(logDir, "--head", head)).code).toBe(0);
    const before = join(dataDir, "before");
    cpSync(logDir, before, { recursive: true });
    await wsctl(["send", "ping", "--agent", "web-1", "--data-dir", dataDir]);
    await headWritten(logDir);
    expect((await verify(logDir, "--head", head)).code).toBe(0);
    const later = (await verify(logDir)).stdout.trim().split(/\s+/)[1] ?? "";
    const cut = await verify(before, "--head", later);
    expect(cut.code).toBe(1);
    expect(cut.stderr).toContain("of the given head is missing");
    const [segment = ""] = readdirSync(before).filter((name) => name.endsWith(".log"));
    const bytes = readFileSync(join(before, segment));
    const at = bytes.indexOf("ping");
    bytes.write("pong", at);
    writeFileSync(join(before, segment), bytes);
    const changed = await verify(before);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toMatch(/is damaged at byte \d+: /);
    const trail = await wsctl(["audit", "verify", "--journal", before]);
    expect([trail.code, trail.stdout]).toEqual([
      1,
      expect.stringMatching(/^broken at record \d+: /),
    ]);
  });
});

test("wsctl log names a directory that is not a log", async () => {
  using dir = temporaryDir();
  const none = await wsctl(["log", "stat", join(dir, "none")]);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("it is not a directory")]);
  const empty = await wsctl(["log", "stat", `${dir}`]);
  expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("it has no log")]);
});

test("the audit trail of an agent is the view of its log", async () => {
  await withLog(async (logDir) => {
    const trail = await wsctl(["audit", "list", "--json", "--journal", logDir]);
    const lines = jsonLines<AuditLine>(trail);
    expect(lines.map(({ record }) => record.action)).toEqual(
      expect.arrayContaining(["request.start", "request.end"]),
    );
    const dump = jsonLines<{ sequence: number; at: string }>(await wsctl(["log", "dump", logDir]));
    for (const { record } of lines) {
      expect(dump.find(({ sequence }) => sequence === record.sequence)?.at).toBe(record.at);
    }
  });
});

test("only the owner can read a log, and a second agent cannot open it", async () => {
  await withLog(async (logDir, dataDir) => {
    expect(statSync(logDir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(logDir)) {
      expect(statSync(join(logDir, name)).mode & 0o777).toBe(0o600);
    }
    const args = ["agent", "--id", "web-1", "--data-dir", dataDir];
    await using second = new Running([...wsctlCommand("binary"), ...args]);
    expect(await second.exited).toBe(1);
    expect(second.lines.join("\n")).toMatch(/Cannot open the log ".*": another process uses it/);
  });
});

test("an agent whose log directory is gone refuses commands, and the next start says what is missing", async () => {
  await withLog(async (logDir, dataDir) => {
    const [segment = ""] = readdirSync(logDir).filter((name) => name.endsWith(".log"));
    const kept = join(dataDir, "kept");
    cpSync(logDir, kept, { recursive: true });
    rmSync(logDir, { recursive: true });
    const sent = await wsctl(["send", "ping", "--agent", "web-1", "--data-dir", dataDir]);
    expect(sent.code).toBe(1);
    expect(sent.stdout).toMatch(/STORAGE_UNAVAILABLE/);
    rmSync(join(kept, segment));
    const verified = await wsctl(["log", "verify", kept]);
    expect([verified.code, verified.stderr]).toEqual([
      1,
      expect.stringMatching(/it is missing, with the entries 1 to \d+/),
    ]);
  });
});
