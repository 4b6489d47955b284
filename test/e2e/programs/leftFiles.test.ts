/** Files that programs leave in WSCTL_ARTIFACT_DIR, and results that are too large for a message. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactView } from "../../../lib/protocol/api/artifacts.ts";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

interface Left {
  artifacts?: { artifact_id: string; name: string; bytes: number }[];
  result_fault?: string;
}

describe("files that a program leaves", () => {
  let fleet: JoinableFleet;
  const local = temporaryDir();

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const commands = join(host, "commands.d");
    mkdirSync(commands);
    const manifest = (name: string, script: string, more = "") => {
      const argv = JSON.stringify(["/bin/sh", "-ec", script]);
      writeFileSync(join(commands, `${name}.toml`), `description = "x"\nargv = ${argv}\n${more}`);
    };
    manifest(
      "dump",
      'printf dump > "$WSCTL_ARTIFACT_DIR/db.dump"; echo a > "$WSCTL_ARTIFACT_DIR/log"',
    );
    manifest("short", 'echo x > "$WSCTL_ARTIFACT_DIR/x.txt"', "artifact_ttl_seconds = 3600\n");
    manifest("own", 'echo x > "$WSCTL_ARTIFACT_DIR/x"; echo \'{"rows": 3}\'');
    manifest("fails", 'echo why > "$WSCTL_ARTIFACT_DIR/core"; exit 3');
    manifest("large", 'printf \'{"a":"%040000d"}\' 1 > "$WSCTL_RESULT_FILE"');
    manifest(
      "links",
      'ln -s /etc/shadow "$WSCTL_ARTIFACT_DIR/shadow"; ln /etc/hostname "$WSCTL_ARTIFACT_DIR/hard" || true; mkdir "$WSCTL_ARTIFACT_DIR/dir"',
    );
    manifest(
      "user",
      'id -un > "$WSCTL_ARTIFACT_DIR/who"; ln -s /etc/shadow "$WSCTL_ARTIFACT_DIR/s"',
      'user = "nobody"\n',
    );
    const args = ["--id", "web-1", "--join", await fleet.joinText(), "--commands-dir", commands];
    const exec = ["--allow-exec", "sh -c **"];
    await fleet.agent(host, ...args, ...exec).logged(/ connected$/);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    local[Symbol.dispose]();
  });

  const send = async (command: string, ...args: string[]) => {
    const done = await fleet.run("send", command, "--agent", "web-1", "--json", ...args);
    const [line] = jsonLines<OutcomeLine>(done);
    return { line, left: line?.result as Left };
  };

  test("become artifacts of the request, listed by job, agent and name", async () => {
    const { line, left } = await send("dump");
    expect(line).toMatchObject({ outcome: "success", result: { exit_code: 0 } });
    expect(left.artifacts).toMatchObject([
      { name: "db.dump", bytes: 4 },
      { name: "log", bytes: 2 },
    ]);
    const list = async (...filter: string[]) => {
      const found = await fleet.run("artifacts", "list", "--json", ...filter);
      if (found.stdout === "") return [];
      return jsonLines<ArtifactView>(found)
        .map(({ name }) => name)
        .sort();
    };
    expect(await list("--job", line?.job_id ?? "")).toEqual(["db.dump", "log"]);
    expect(await list("--agent", "web-1", "--name", "*.dump")).toEqual(["db.dump"]);
    expect(await list("--agent", "web-2")).toEqual([]);
    expect(await list("--name", "[d]b.dump")).toEqual([]);
  });

  test("are shown with the command that fetches them, and fetched by --output", async () => {
    const shown = await fleet.run("send", "dump", "--agent", "web-1");
    expect(shown.stdout).toMatch(
      /^web-1 {2}success {2}.*\n {2}db\.dump {2}4 B {2}wsctl artifacts get \S+\n/,
    );
    const dir = join(local, "out");
    const done = await fleet.run("send", "dump", "--agent", "web-1", "--output", dir);
    expect(done.code).toBe(0);
    expect(readFileSync(join(dir, "web-1.db.dump"), "utf8")).toBe("dump");
    expect(readFileSync(join(dir, "succeeded"), "utf8")).toBe("web-1\n");
  });

  test("stand beside the result of the program, and are kept after a failure", async () => {
    expect((await send("own")).line).toMatchObject({
      result: { rows: 3, artifacts: [{ name: "x" }] },
    });
    const { line, left } = await send("fails");
    expect(line).toMatchObject({ outcome: "failed", result: { exit_code: 3 } });
    expect(left.artifacts).toMatchObject([{ name: "core" }]);
  });

  test("are kept as long as the manifest says", async () => {
    const { left } = await send("short");
    const found = jsonLines<ArtifactView>(await fleet.run("artifacts", "list", "--json"));
    const artifact = found.find(({ artifact_id: id }) => id === left.artifacts?.[0]?.artifact_id);
    const keptMs = Date.parse(artifact?.expires_at ?? "") - Date.parse(artifact?.created_at ?? "");
    expect(Math.round(keptMs / 60_000)).toBe(60);
  });

  test("a result over the limit becomes an artifact by itself", async () => {
    const { line, left } = await send("large");
    expect(line?.outcome).toBe("success");
    expect(left.result_fault).toBeUndefined();
    expect(left.artifacts).toMatchObject([{ name: "result.json", bytes: 40_008 }]);
    const path = join(local, "result.json");
    await fleet.run("artifacts", "get", left.artifacts?.[0]?.artifact_id ?? "", "--output", path);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ a: "1".padStart(40_000, "0") });
  });

  test("links and directories are refused by name, and the rest is kept", async () => {
    const { line, left } = await send("links");
    expect(line?.outcome).toBe("success");
    expect(left.artifacts).toBeUndefined();
    expect(left.result_fault).toContain('cannot store "dir": it is not a regular file');
    expect(left.result_fault).toContain('cannot store "shadow"');
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a program of another user leaves only its own files",
    async () => {
      const { left } = await send("user");
      expect(left.artifacts).toMatchObject([{ name: "who" }]);
      expect(left.result_fault).toContain('cannot store "s"');
    },
  );

  test("exec has the directory, too, and nothing of it stays on the host", async () => {
    const script = 'echo "$WSCTL_ARTIFACT_DIR"; echo x > "$WSCTL_ARTIFACT_DIR/x"';
    const params = JSON.stringify({ argv: ["sh", "-c", script] });
    const { line } = await send("exec", "--params", params);
    expect(line?.result).toMatchObject({ artifacts: [{ name: "x" }] });
    expect(line?.message).toMatch(/^\/.*\/artifacts$/);
    // The agent removes it when the control plane has acknowledged the response.
    while (existsSync(line?.message ?? "/")) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});
