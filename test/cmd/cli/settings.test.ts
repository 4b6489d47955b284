import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { defaultDataDir, defaultSettingsFile } from "../../../cmd/cli/paths.ts";
import { readSettings } from "../../../cmd/cli/settings.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const flags = ["server", "data-dir", "token-file", "json", "param"];

// Put back whole: other files of this run ask who runs them, and skip what only root can do.
afterEach(() => mock.restore());

/** Makes this process look like one of that user. */
function become(uid: number): void {
  spyOn(process as { getuid: () => number }, "getuid").mockReturnValue(uid);
}

/** What `send` gets from a file of this text. */
function settingsFrom(text: string, command = "send"): Record<string, unknown> {
  using dir = temporaryDir();
  const path = join(dir, "config.toml");
  writeFileSync(path, text);
  return readSettings(path, command, flags, {});
}

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(WsctlError);
    expect(error).toMatchObject({ code: "USAGE" });
    return (error as Error).message;
  }
  throw new Error("accepted");
}

describe("readSettings()", () => {
  test("readSettings(): settings of the command override common ones", () => {
    const text = `
      server = "wss://all"
      json = true
      [send]
      server = "wss://send"
      data_dir = "/x"
      param = ["a=1", "b=2"]
      [agents]
      server = "wss://agents"
    `;
    expect(settingsFrom(text)).toEqual({
      server: "wss://send",
      json: true,
      data_dir: "/x",
      param: ["a=1", "b=2"],
    });
    expect(settingsFrom(text, "agents")).toEqual({ server: "wss://agents", json: true });
    expect(settingsFrom(text, "jobs")).toEqual({ server: "wss://all", json: true });
  });

  test("reads nothing from an empty file", () => {
    expect(settingsFrom("")).toEqual({});
    expect(settingsFrom("# a remark\n[send]\n")).toEqual({});
  });

  test("does not ask the keys at the top whether this command knows them", () => {
    expect(settingsFrom('heartbeat = "30s"')).toEqual({ heartbeat: "30s" });
  });

  test.each([
    ["[send]\nservr = 1", 'Unknown key "servr" for send', "did you mean server?"],
    ["[send]\ndata-dir = 1", 'Unknown key "data-dir" for send', "did you mean data_dir?"],
    [
      "[send]\nfrobnicate = 1",
      'Unknown key "frobnicate" for send',
      "known are server, data_dir, token_file, json, param",
    ],
    ["[send]\nconstructor = 1", 'Unknown key "constructor" for send', "known are server"],
    ['[send]\n"__proto__" = 1', 'Unknown key "__proto__" for send', "known are server"],
    ["send = 1", '"send" in', "must be a table"],
    ["send = [1]", '"send" in', "must be a table"],
    ["send = 2025-02-24T12:34:56Z", '"send" in', "must be a table"],
    ["server", "Cannot read the settings file", "config.toml"],
    ["server = ", "Cannot read the settings file", "config.toml"],
    ['server = "a"\nserver = "b"', "Cannot read the settings file", "config.toml"],
    ['server = "a', "Cannot read the settings file", "config.toml"],
    ["{}", "Cannot read the settings file", "config.toml"],
  ])("readSettings(): refuses the file %j", (text, start, end) => {
    const fault = faultOf(() => settingsFrom(text));
    expect(fault).toStartWith(start);
    expect(fault).toContain(end);
  });

  test("refuses a file that was asked for and cannot be read", () => {
    using dir = temporaryDir();
    for (const path of [join(dir, "missing.toml"), `${dir}`, join(dir, "no", "such.toml")]) {
      const fault = faultOf(() => readSettings(path, "send", flags, {}));
      expect(fault).toStartWith(`Cannot read the settings file "${path}": `);
    }
  });

  test("does without the usual file, but reads and judges it where it is", () => {
    using dir = temporaryDir();
    become(1_000);
    const env = { XDG_CONFIG_HOME: `${dir}` };
    expect(readSettings(undefined, "send", flags, env)).toEqual({});
    mkdirSync(join(dir, "wsctl"));
    writeFileSync(join(dir, "wsctl", "config.toml"), 'server = "wss://x"');
    expect(readSettings(undefined, "send", flags, env)).toEqual({ server: "wss://x" });
    writeFileSync(join(dir, "wsctl", "config.toml"), "server");
    expect(faultOf(() => readSettings(undefined, "send", flags, env))).toContain("Cannot read");
  });
});

describe("defaultSettingsFile() and defaultDataDir()", () => {
  test("are the system's for root", () => {
    become(0);
    expect(defaultSettingsFile({ XDG_CONFIG_HOME: "/x" })).toBe("/etc/wsctl/config.toml");
    expect(defaultDataDir({ XDG_STATE_HOME: "/x" })).toBe("/var/lib/wsctl");
  });

  test("are below the user's home, or where the environment says", () => {
    become(1_000);
    expect(defaultSettingsFile({})).toBe(join(homedir(), ".config", "wsctl", "config.toml"));
    expect(defaultSettingsFile({ XDG_CONFIG_HOME: "/c" })).toBe("/c/wsctl/config.toml");
    expect(defaultDataDir({})).toBe(join(homedir(), ".local", "state", "wsctl"));
    expect(defaultDataDir({ XDG_STATE_HOME: "/s" })).toBe("/s/wsctl");
  });
});

describe("readSettings() holds the whole file against what there is", () => {
  const all = { send: ["timeout", "data-dir"], serve: ["port", "data-dir"] };

  test.each([
    ["[sned]\ntimeout = '5s'", 'Unknown table "sned"', "did you mean send?"],
    ["date_dir = '/x'", 'Unknown key "date_dir"', "did you mean data_dir?"],
  ])("refuses %j", (text, what, pacing) => {
    using dir = temporaryDir();
    const path = join(dir, "config.toml");
    writeFileSync(path, text);
    const read = () => readSettings(path, "send", all.send, {}, all);
    expect(read).toThrow(what);
    expect(read).toThrow(pacing);
  });

  test("takes a key at the top that only another command knows", () => {
    using dir = temporaryDir();
    const path = join(dir, "config.toml");
    writeFileSync(path, "port = 1\n[serve]\nport = 2");
    expect(readSettings(path, "send", all.send, {}, all)).toMatchObject({ port: 1 });
  });
});
