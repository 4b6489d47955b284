/** Parameters of custom commands that are files: uploaded once, fetched before the program starts. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import type { JsonObject } from "../../../lib/protocol/json.ts";
import { jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const text = "the content of the package\n";

describe("a parameter that is a file", () => {
  let fleet: JoinableFleet;
  const local = temporaryDir();
  const path = join(local, "app 1.4.deb");
  const started = join(local, "started");

  beforeAll(async () => {
    writeFileSync(path, text);
    // For the program of another user.
    chmodSync(local, 0o777);
    fleet = await JoinableFleet.start();
    const host = fleet.newHost();
    const commands = join(host, "commands.d");
    mkdirSync(commands);
    const script = `touch "${started}" || true; echo "$1"; stat -c %a "$1"; cat "$1"; test "$1" = "$WSCTL_PARAM_PACKAGE"; grep -c "$1"`;
    const manifest = (name: string, more = "") => {
      const argv = JSON.stringify(["/bin/sh", "-ec", script, "sh", "{package}"]);
      const schema = `[parameters]\nrequired = ["package"]\n[parameters.properties.package]\ntype = "artifact"\n`;
      const head = `description = "Install a package"\nargv = ${argv}\n${more}`;
      writeFileSync(join(commands, `${name}.toml`), `${head}${schema}`);
    };
    manifest("install");
    manifest("install-as-nobody", 'user = "nobody"\n');
    const args = ["--id", "web-1", "--join", await fleet.joinText(), "--commands-dir", commands];
    await fleet.agent(host, ...args).logged(/ connected$/);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    local[Symbol.dispose]();
  });

  const send = (command: string, ...args: string[]) =>
    fleet.run("send", command, "--agent", "web-1", "--json", ...args);
  const sendFile = async (command: string) => {
    const [line] = jsonLines<OutcomeLine>(await send(command, "--file", `package=${path}`));
    return line;
  };
  const parametersOf = async (line: OutcomeLine | undefined): Promise<JsonObject> => {
    const shown = await fleet.run("jobs", "show", line?.job_id ?? "", "--json");
    return jsonLines<JobDetail>(shown)[0]?.parameters?.package as JsonObject;
  };

  test("reaches the program as the path of a private copy, which is deleted afterwards", async () => {
    const line = await sendFile("install");
    expect(line?.outcome).toBe("success");
    const [copy = "", mode, ...rest] = (line?.message ?? "").split("\n");
    expect(copy).toEndWith("/package/app 1.4.deb");
    expect([mode, ...rest]).toEqual(["600", text.trimEnd(), "1"]);
    expect(existsSync(copy)).toBe(false);
    expect(await parametersOf(line)).toMatchObject({ name: "app 1.4.deb", bytes: text.length });
  });

  test.skipIf(process.getuid?.() !== 0)("belongs to the user of the program", async () => {
    const line = await sendFile("install-as-nobody");
    expect(line?.outcome).toBe("success");
    const [copy = ""] = (line?.message ?? "").split("\n");
    expect(line?.message).toContain(text);
    expect(existsSync(join(copy, "..", ".."))).toBe(false);
  });

  test("that is not the one that was sent, or is gone, keeps the program from starting", async () => {
    const line = await sendFile("install");
    const file = await parametersOf(line);
    const other = { ...file, sha256: "0".repeat(64) };
    await Bun.file(started).delete();
    const sendAgain = async (parameters: object) => {
      const done = await send("install", "--params", JSON.stringify(parameters));
      return jsonLines<OutcomeLine>(done)[0];
    };
    expect(await sendAgain({ package: other })).toMatchObject({
      outcome: "error",
      message: expect.stringContaining('Cannot fetch the file of parameter "package"'),
    });
    await fleet.run("artifacts", "delete", String(file.artifact_id));
    expect(await sendAgain({ package: file })).toMatchObject({
      outcome: "error",
      message: expect.stringContaining("not found"),
    });
    expect(existsSync(started)).toBe(false);
  });

  test("is named in the help of the command, and refused by name if it is no file", async () => {
    const help = await fleet.run("send", "install", "--help", "--agent", "web-1");
    expect(help.stdout).toContain("package  a file, required");
    expect(help.stdout).toContain("wsctl send install --agent web-1 --file package=PATH");
    const refused = async (...args: string[]) => {
      const done = await send("install", ...args);
      expect(done.code).not.toBe(0);
      return done.stderr;
    };
    const stored = async () => (await fleet.run("artifacts", "list", "--json")).stdout;
    const before = await stored();
    expect(await refused("--param", "package=x")).toContain("use --file package=PATH");
    expect(await refused("--file", "package=/nowhere")).toContain('Cannot send "/nowhere"');
    expect(await refused("--file", `package=${local}`)).toContain("it is not a file");
    expect(await refused("--file", path)).toContain("expected KEY=PATH");
    const twice = ["--param", "package=x", "--file", `package=${path}`];
    expect(await refused(...twice)).toContain('Parameter "package" is given twice');
    expect(await stored()).toBe(before);
  });

  test("may be one that a template asks for", async () => {
    await fleet.run("templates", "create", "inst", "install", "--prompt", "package", "--all");
    const done = await fleet.run("templates", "run", "inst", "--file", `package=${path}`, "--json");
    expect(jsonLines<OutcomeLine>(done)).toMatchObject([{ outcome: "success" }]);
  });
});
