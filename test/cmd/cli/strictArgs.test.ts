import { describe, expect, test } from "bun:test";
import { type ArgsDef, parseArgs } from "citty";
import { envName, type Sources, strictArgs, usage } from "../../../cmd/cli/strictArgs.ts";
import { WsctlError } from "../../../lib/protocol/errors.ts";

const args = {
  command: { type: "positional", description: "command to run" },
  server: { type: "string", valueHint: "URL" },
  scripts: { type: "string", valueHint: "all|KEYS" },
  agent: { type: "string", alias: "a" },
  "data-dir": { type: "string" },
  timeout: { type: "string", default: "30s" },
  json: { type: "boolean" },
  wait: { type: "boolean", default: true },
  level: { type: "enum", options: ["info", "warn"], default: "info" },
  param: { type: "string" },
} as const satisfies ArgsDef;

const none: Sources = { env: {}, settings: {} };

/** The values that a command gets to see, by way of citty. */
function values(rawArgs: string[], sources: Partial<Sources> = {}): Record<string, unknown> {
  const strict = strictArgs(rawArgs, args, { ...none, ...sources });
  const { _, a, ...parsed } = parseArgs(strict.rawArgs, args) as Record<string, unknown>;
  return { ...parsed, ...(Object.keys(strict.lists).length === 0 ? {} : { lists: strict.lists }) };
}

function faultOf(rawArgs: string[], sources: Partial<Sources> = {}, of: ArgsDef = args): string {
  try {
    strictArgs(rawArgs, of, { ...none, ...sources });
  } catch (error) {
    expect(error).toBeInstanceOf(WsctlError);
    expect(error).toMatchObject({ code: "USAGE" });
    return (error as Error).message;
  }
  throw new Error(`accepted: ${rawArgs.join(" ")}`);
}

const defaults = { command: "ping", timeout: "30s", wait: true, level: "info" };

describe("strictArgs() takes", () => {
  test.each([
    [["ping"], {}],
    [["ping", "--server", "ws://x"], { server: "ws://x" }],
    [["--server=ws://x", "ping"], { server: "ws://x" }],
    [["ping", "--server=a=b=c"], { server: "a=b=c" }],
    [["ping", "--server="], { server: "" }],
    [["ping", "--server", "-"], { server: "-" }],
    [["ping", "--agent", "web 1"], { agent: "web 1" }],
    [["ping", "-a", "web-1"], { agent: "web-1" }],
    [["ping", "-a=web-1"], { agent: "web-1" }],
    [["ping", "--data-dir", "/x"], { "data-dir": "/x" }],
    [["ping", "--json"], { json: true }],
    [["--json", "ping"], { json: true }],
    [["ping", "--json=false"], { json: false }],
    [["ping", "--no-wait"], { wait: false }],
    [["ping", "--wait"], { wait: true }],
    [["ping", "--no-wait=false"], { wait: true }],
    [["ping", "--level", "warn"], { level: "warn" }],
    [["--", "ping"], {}],
    [["--json", "--", "--server"], { json: true, command: "--server" }],
    [["--", "--"], { command: "--" }],
    [["-"], { command: "-" }],
  ])("strictArgs(): accepts %j", (rawArgs, wanted) => {
    expect(values(rawArgs)).toMatchObject({ ...defaults, ...wanted });
  });

  test("repeatable flags, all values in their order", () => {
    const given = ["ping", "--param", "a=1", "--param=b=2", "--param", "a=1"];
    expect(values(given).lists).toEqual({ param: ["a=1", "b=2", "a=1"] });
    expect(values(["ping"]).lists).toBeUndefined();
  });

  test("every word from a last argument on that takes the rest, flags and separators included", () => {
    const rest = {
      first: { type: "positional" },
      words: { type: "positional", required: false, valueHint: "WORD…" },
      index: { type: "string" },
    } as const satisfies ArgsDef;
    const strict = strictArgs(["--index=1", "--", "a", "b", "--index", "--", ""], rest, none);
    expect(strict.lists).toEqual({ words: ["b", "--index", "--", ""] });
    expect(strict.rawArgs.slice(0, 3)).toEqual(["--index=1", "--", "a"]);
    expect(strictArgs(["a"], rest, none).lists).toEqual({ words: [] });
  });

  test("no argument where the only one is not required", () => {
    const optional = { id: { type: "positional", required: false } } as const satisfies ArgsDef;
    expect(strictArgs([], optional, none)).toMatchObject({ rawArgs: ["--"], lists: {} });
  });
});

describe("strictArgs() refuses", () => {
  test.each([
    [["ping", "--serve", "x"], "Unknown flag --serve: did you mean --server?"],
    [["ping", "--sevrer=x"], "Unknown flag --sevrer: did you mean --server?"],
    [["ping", "-json"], "Unknown flag -json: did you mean --json?"],
    [["ping", "--JSON"], "Unknown flag --JSON: see --help"],
    [
      ["ping", "--frobnicate"],
      "Unknown flag --frobnicate: see --help. A parameter of the command is --param frobnicate=VALUE",
    ],
    [["ping", "-z"], "Unknown flag -z: see --help"],
    [["ping", "--command=x"], "Unknown flag --command: see --help"],
    [
      ["ping", "--constructor"],
      "Unknown flag --constructor: see --help. A parameter of the command is --param constructor=VALUE",
    ],
    [["ping", "--__proto__=x"], "Unknown flag --__proto__: see --help"],
    [["ping", "--no-constructor"], "Unknown flag --no-constructor: see --help"],
    [["ping", "--no-json"], "Unknown flag --no-json: did you mean --json?"],
    [["ping", "--no-server"], "Unknown flag --no-server: did you mean --server?"],
    [["ping", "--=x"], "Unknown flag --: see --help"],
    [
      ["ping", "--server", "a", "--server", "b"],
      "Flag --server is specified twice: specify it once",
    ],
    [["ping", "-a", "x", "--agent=x"], "Flag --agent is specified twice: specify it once"],
    [["ping", "--json", "--json"], "Flag --json is specified twice: specify it once"],
    [["ping", "--wait", "--no-wait"], "Flag --wait is specified twice: specify it once"],
    [["ping", "--server"], "Flag --server needs a value: --server URL"],
    [
      ["exec", "--", "df"],
      'Unexpected argument "df": this command takes COMMAND. To run a program, use: wsctl exec --all -- PROGRAM',
    ],
    [["ping", "--scripts"], "Flag --scripts needs a value: --scripts all|KEYS"],
    [["ping", "--agent"], "Flag --agent needs a value: --agent VALUE"],
    [["ping", "--param"], "Flag --param needs a value: --param VALUE"],
    [["ping", "--json=maybe"], "Flag --json takes no value"],
    [["ping", "--json="], "Flag --json takes no value"],
    [["ping", "--json=TRUE"], "Flag --json takes no value"],
    [["ping", "--no-wait=x"], "Flag --no-wait takes no value"],
    [
      ["ping", "more"],
      'Unexpected argument "more": this command takes COMMAND. Did you mean --agent more?',
    ],
    [
      ["ping", "v=1"],
      'Unexpected argument "v=1": this command takes COMMAND. Did you mean --param v=1?',
    ],
    [["ping", "--json", "true"], 'Unexpected argument "true": this command takes COMMAND'],
    [["ping", "--", "--json"], 'Unexpected argument "--json": this command takes COMMAND'],
    [["ping", ""], 'Unexpected argument "": this command takes COMMAND'],
    [[], "Missing argument COMMAND"],
    [["--json"], "Missing argument COMMAND"],
    [["--"], "Missing argument COMMAND"],
  ])("strictArgs(): refuses %j", (rawArgs, fault) => {
    expect(faultOf(rawArgs)).toBe(fault);
  });

  test("any argument where a command takes flags only", () => {
    const flagsOnly = { json: { type: "boolean" } } as const satisfies ArgsDef;
    expect(faultOf(["now"], {}, flagsOnly)).toBe(
      'Unexpected argument "now": this command takes flags only',
    );
  });

  test("the second argument where the first is there", () => {
    const two = { from: { type: "positional" }, to: { type: "positional" } } as const;
    expect(faultOf(["a"], {}, two)).toBe("Missing argument TO");
    expect(faultOf(["a", "b", "c"], {}, two)).toBe(
      'Unexpected argument "c": this command takes FROM TO',
    );
  });
});

describe("strictArgs() knows where values come from", () => {
  const env = { WSCTL_SERVER: "from env", WSCTL_DATA_DIR: "/env" };
  const settings = { server: "from settings", data_dir: "/settings", timeout: "60s" };

  test("a flag goes before the environment, then come the settings, then the default", () => {
    const all = { env, settings };
    expect(values(["ping", "--server=flag"], all).server).toBe("flag");
    expect(values(["ping"], all).server).toBe("from env");
    expect(values(["ping"], { settings }).server).toBe("from settings");
    expect(values(["ping"], all)["data-dir"]).toBe("/env");
    expect(values(["ping"], { settings })["data-dir"]).toBe("/settings");
    expect(values(["ping"], { settings }).timeout).toBe("60s");
    expect(values(["ping"]).timeout).toBe("30s");
    expect("server" in values(["ping"])).toBe(false);
  });

  test("an empty flag goes before the environment too", () => {
    expect(values(["ping", "--server="], { env }).server).toBe("");
  });

  test("an empty environment variable is none", () => {
    expect(values(["ping"], { env: { WSCTL_SERVER: "" }, settings }).server).toBe("from settings");
    expect(values(["ping"], { env: { WSCTL_JSON: "" } }).json).toBeUndefined();
  });

  test.each([
    ["1", true],
    ["true", true],
    ["yes", true],
    ["0", false],
    ["false", false],
    ["no", false],
  ])("a switch in the environment may be %s", (text, value) => {
    expect(values(["ping"], { env: { WSCTL_JSON: text } }).json).toBe(value);
    expect(values(["ping"], { env: { WSCTL_WAIT: text } }).wait).toBe(value);
  });

  test.each(["maybe", "TRUE", "on", " 1"])("a switch in the environment may not be %j", (text) => {
    expect(faultOf(["ping"], { env: { WSCTL_JSON: text } })).toBe(
      `Environment variable WSCTL_JSON is "${text}": expected true or false`,
    );
  });

  test("switches, numbers and lists in the settings", () => {
    expect(values(["ping"], { settings: { json: true, wait: false } })).toMatchObject({
      json: true,
      wait: false,
    });
    expect(values(["ping"], { settings: { timeout: 45 } }).timeout).toBe("45");
    expect(values(["ping"], { settings: { param: ["a=1", "b=2"] } }).lists).toEqual({
      param: ["a=1", "b=2"],
    });
  });

  test("repeatable flags in the environment are parted by commas", () => {
    expect(values(["ping"], { env: { WSCTL_PARAM: "a=1,b=2" } }).lists).toEqual({
      param: ["a=1", "b=2"],
    });
    const both = values(["ping", "--param=c=3"], { env: { WSCTL_PARAM: "a=1" } });
    expect(both.lists).toEqual({ param: ["c=3"] });
  });

  test("arguments come from the command line alone", () => {
    const sources = { env: { WSCTL_COMMAND: "restart" }, settings: { command: "restart" } };
    expect(faultOf([], sources)).toBe("Missing argument COMMAND");
  });
});

describe("strictArgs() holds settings and values to their kind", () => {
  const two = { server: { type: "string" }, json: { type: "boolean" } } as const;

  test.each([
    [{ json: "maybe" }],
    [{ json: 1 }],
    [{ server: ["a", "b"] }],
    [{ server: [] }],
    [{ server: new Date(0) }],
  ])("refuses the setting %j", (settings) => {
    expect(() => strictArgs([], two, { env: {}, settings })).toThrow("Setting ");
  });

  test("refuses a flag as the value of a flag, unless it is joined to it", () => {
    expect(() => strictArgs(["--server", "--json"], two, none)).toThrow("needs a value");
    expect(strictArgs(["--server=--json"], two, none).rawArgs).toContain("--server=--json");
  });
});

describe("envName()", () => {
  test.each([
    ["server", "WSCTL_SERVER"],
    ["data-dir", "WSCTL_DATA_DIR"],
    ["token-file", "WSCTL_TOKEN_FILE"],
  ])("envName(): the variable of --%s is %s", (flag, name) => {
    expect(envName(flag)).toBe(name);
  });
});

describe("usage()", () => {
  test("is an error that ends with the status of wrong usage", () => {
    expect(usage("wrong")).toMatchObject({ code: "USAGE", message: "wrong" });
  });
});
