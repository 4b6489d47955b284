/** What is left of a command whose result cannot be written: nothing spent, nothing half. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TokenView } from "../../../lib/protocol/api/tokens.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { temporaryDir, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

let fleet: JoinableFleet;
const dir = temporaryDir();
const home = join(dir, "home");

beforeAll(async () => {
  mkdirSync(home);
  fleet = await JoinableFleet.start();
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  dir[Symbol.dispose]();
});

/** Runs shell commands with a full file system at $FULL; $WSCTL is the program. */
function onFullDisk(script: string, env: Record<string, string> = {}): string {
  const full = join(dir, "full");
  mkdirSync(full, { recursive: true });
  const fill = 'mount -t tmpfs -o size=64k tmpfs "$FULL"; head -c 65536 /dev/zero > "$FULL/fill"';
  const done = spawnSync("unshare", ["-m", "sh", "-c", `${fill}; cd "$FULL"; ${script}`], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: home,
      ...{ FULL: full, WSCTL: wsctlCommand("binary")[0], WSCTL_DATA_DIR: `${fleet.dataDir}` },
      ...env,
    },
  });
  return `${done.stdout}${done.stderr}`;
}

describe.if(process.getuid?.() === 0)("on a full disk", () => {
  test("a login string is not spent, and logs in where there is room", async () => {
    const text = await fleet.newToken("--role", "viewer", "--login");
    const failed = onFullDisk('XDG_CONFIG_HOME="$FULL" "$WSCTL" login "$TEXT"', { TEXT: text });
    expect(failed).toMatch(/^wsctl: Cannot write the contexts ".*": ENOSPC/m);
    const env = { HOME: home, XDG_CONFIG_HOME: join(dir, "room") };
    expect(await wsctl(["login", text], { env })).toMatchObject({ code: 0 });
  });

  test("what has a secret that cannot be printed is removed, or said to be lost", async () => {
    const create = '"$WSCTL" webhooks create chat --url https://hooks.example --events job.failed';
    const made = onFullDisk(`${create} > secret`);
    expect(made).toContain("no space left on device");
    expect(made).toContain(". Free some space on the disk (the new webhook chat was deleted)");
    expect((await fleet.run("webhooks", "list", "--json")).stdout).toBe("");
    await fleet.newToken("--role", "viewer", "--name", "screen");
    const tokens = jsonLines<TokenView>(await fleet.run("tokens", "list", "--json"));
    const id = tokens.find(({ name }) => name === "screen")?.token_id;
    const rotated = onFullDisk(`"$WSCTL" tokens rotate ${id} > secret`);
    expect(rotated).toContain(`the new one is lost: rotate ${id} again`);
  });

  test("no file is left that the next attempt would find", () => {
    const said = onFullDisk(
      [
        '"$WSCTL" release generate-key release.key',
        '"$WSCTL" release generate-key release.key',
        '"$WSCTL" commands create hello --commands-dir "$FULL/commands.d"',
        '"$WSCTL" commands create hello --commands-dir "$FULL/commands.d"',
        '"$WSCTL" init --config "$FULL/config.toml"',
        "find . -type f",
      ].join("; "),
    );
    expect(said.match(/ENOSPC/g)).toHaveLength(5);
    expect(said).not.toContain("EEXIST");
    expect(said.split("\n").filter((line) => line.startsWith("./"))).toEqual(["./fill"]);
  });

  test("a signed job keeps the signatures that it has", async () => {
    const keys = ["first", "second"].map((name) => join(dir, `${name}.key`));
    for (const key of keys) await wsctl(["release", "generate-key", key]);
    await using agent = fleet.agent(fleet.newHost(), "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    const job = join(dir, "job.json");
    const sign = ["--all", "--sign", `${keys[0]}`, "--save", job];
    expect(await fleet.run("send", "ping", ...sign)).toMatchObject({ code: 0 });
    const said = onFullDisk(
      `truncate -s 60000 fill; cp "${job}" job.json; head -c 9000 /dev/zero >> fill; ` +
        `"$WSCTL" keys sign job.json --key "${keys[1]}"; cmp "${job}" job.json && echo unchanged`,
    );
    expect(said).toMatch(/Cannot write "job.json": ENOSPC/);
    expect(said).toContain("unchanged");
  });

  test("a backup is not blamed, and one on a read-only file system is verified", async () => {
    const file = join(dir, "monday.wsctl");
    expect(await fleet.run("backup", "create", file)).toMatchObject({ code: 0 });
    const restored = onFullDisk(`"$WSCTL" restore "${file}" --data-dir "$FULL/restored"`);
    expect(restored).toMatch(/^wsctl: Cannot write to ".*": ENOSPC/);
    expect(onFullDisk('"$WSCTL" backup create tuesday.wsctl')).toMatch(
      /^wsctl: Cannot write the backup ".*\/tuesday.wsctl": ENOSPC/,
    );
    const verified = onFullDisk(
      `rm fill; cp "${file}" . && mount -o remount,ro "$FULL" && "$WSCTL" backup verify monday.wsctl`,
    );
    expect(verified).toMatch(/^whole /);
  });
});

test("what is no backup is named as such, and one that is missing too", async () => {
  const other = join(dir, "other");
  writeFileSync(other, "no archive");
  expectRefusal(
    await wsctl(["backup", "verify", other]),
    2,
    /it is not a backup, or it is damaged/,
  );
  const missing = await wsctl(["backup", "verify", "/nowhere/monday.wsctl"]);
  expectRefusal(missing, 2, /Cannot read the backup ".*": the file does not exist/);
});
