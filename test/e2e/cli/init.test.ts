import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal } from "../../support/processes/cli.ts";
import { startServe, temporaryDir, wsctl } from "../../support/processes/processes.ts";

test("wsctl init writes a settings file of comments alone, which changes nothing", async () => {
  using home = temporaryDir();
  const env = { HOME: `${home}`, XDG_CONFIG_HOME: join(`${home}`, "config") };
  const path = join(`${home}`, "config.toml");
  const { code, stderr } = await wsctl(["init", "--config", path], { env });
  expect([code, stderr]).toEqual([
    0,
    `Settings written to ${path}. Remove the # of a line to set it.\n`,
  ]);
  const text = readFileSync(path, "utf8");
  const set = text
    .split("\n")
    .filter((line) => line !== "" && !/^(#|\[(serve|agent)\]$)/.test(line));
  expect(set).toEqual([]);
  expect(statSync(path).mode & 0o077).toBe(0);
  expect((await wsctl(["version", "--config", path], { env })).code).toBe(0);
  expect((await wsctl(["init", "--stdout"], { env })).stdout).toBe(text);
});

test("each default of the settings file is one that wsctl serve accepts", async () => {
  using home = temporaryDir();
  const { stdout } = await wsctl(["init", "--stdout"]);
  // What has no default shows in capitals what is expected.
  const withDefaults = stdout.replaceAll(/^#(\w+ = (?!\[?"[A-Z_=]+").*)$/gm, "$1");
  expect(withDefaults).toContain('\nheartbeat = "15s"\n');
  const path = join(`${home}`, "config.toml");
  writeFileSync(path, withDefaults);
  await using serving = await startServe({ dataDir: `${home}`, args: ["--config", path] });
  expect(serving.port).toBeGreaterThan(0);
});

test("wsctl init replaces no file without --force", async () => {
  using home = temporaryDir();
  const path = join(`${home}`, "config.toml");
  writeFileSync(path, "mine");
  expectRefusal(await wsctl(["init", "--config", path]), 2, /it exists. Use --force to replace it/);
  expect(readFileSync(path, "utf8")).toBe("mine");
  expect((await wsctl(["init", "--config", path, "--force"])).code).toBe(0);
  expect(readFileSync(path, "utf8")).toContain("[serve]");
  const nowhere = join(path, "below", "config.toml");
  expectRefusal(await wsctl(["init", "--config", nowhere]), 2, /Cannot write the settings file/);
  expect(existsSync(nowhere)).toBe(false);
});
