/** Wrong usage of the command line: refused before anything is sent, with the nearest spelling. */
import { describe, expect, test } from "bun:test";
import { expectRefusal } from "../../support/processes/cli.ts";
import { temporaryDir, wsctl } from "../../support/processes/processes.ts";

const wrong: readonly { args: string[]; says: RegExp }[] = [
  { args: ["snd"], says: /Unknown command "wsctl snd": did you mean "send"\?/ },
  { args: ["frobnicate"], says: /Unknown command "wsctl frobnicate": see "wsctl --help"/ },
  { args: ["agents", "shw"], says: /Unknown command "wsctl agents shw": did you mean "show"\?/ },
  { args: ["__proto__"], says: /Unknown command/ },
  { args: ["send", "ping", "--agnt", "a"], says: /Unknown flag --agnt: did you mean --agent\?/ },
  { args: ["send", "ping", "--token", "x"], says: /Unknown flag --token/ },
  { args: ["agent", "--token", "x"], says: /Unknown flag --token/ },
  { args: ["serve", "-p", "1"], says: /Unknown flag -p/ },
  {
    args: ["send", "ping", "--agent", "a", "--agent", "b"],
    says: /Flag --agent is specified twice: write one list, --agent a,b/,
  },
  { args: ["send", "ping", "--all", "--all"], says: /Flag --all is specified twice/ },
  { args: ["send", "ping", "again", "--all"], says: /Unexpected argument "again"/ },
  { args: ["version", "now"], says: /Unexpected argument "now"/ },
  { args: ["send", "--all"], says: /Missing argument COMMAND/ },
  { args: ["jobs", "show"], says: /Missing argument ID/ },
  { args: ["send", "ping", "--agent"], says: /Flag --agent needs a value/ },
  {
    args: ["send", "ping"],
    says: /No target: specify --agent, --target or --all/,
  },
  { args: ["send", "ping", "--all", "--agent", "a"], says: /cannot be combined/ },
  { args: ["send", "ping", "--agent", ""], says: /Flag --agent: "" is not an agent ID/ },
  { args: ["send", "ping", "--agent", "../x"], says: /Flag --agent: "\.\.\/x"/ },
  { args: ["send", "", "--all"], says: /command/ },
  { args: ["send", "ping", "--all", "--timeout", "soon"], says: /Flag --timeout is "soon"/ },
  { args: ["send", "ping", "--all", "--timeout", "-1s"], says: /--timeout/ },
  { args: ["send", "ping", "--all", "--ttl", "100000h"], says: /Flag --ttl is .* to 7d/ },
  { args: ["send", "ping", "--all", "--timeout", "2d"], says: /Flag --timeout is .* to 1d/ },
  { args: ["send", "ping", "--all", "--tll", "1h"], says: /did you mean --ttl\?/ },
  { args: ["send", "ping", "--target", "env=("], says: /selector: Cannot parse "\(" in selector/ },
  {
    args: ["send", "ping", "--all", "--target", "env=a"],
    says: /--target and --all cannot be combined/,
  },
  { args: ["send", "ping", "--all", "--waves"], says: /--waves needs --batch/ },
  {
    args: ["send", "ping", "--all", "--canary-pause", "1s"],
    says: /--canary-pause needs --canary/,
  },
  { args: ["send", "ping", "--all", "--seed", "a"], says: /a "seed" without "sample"/ },
  { args: ["send", "ping", "--all", "--sample", "0"], says: /--sample is "0": expected a number/ },
  { args: ["send", "ping", "--all", "--priority", "urgent"], says: /priority/ },
  { args: ["jobs", "retry", "x"], says: /Specify --failed, --not-started, --lost or --all/ },
  { args: ["agents", "label", "x", "a"], says: /Flag --label is "a": expected KEY=VALUE/ },
  { args: ["tokens", "create", "--agent", "../x"], says: /Flag --agent: "\.\.\/x"/ },
  { args: ["completion", "csh"], says: /Unknown shell "csh": expected bash, zsh, fish/ },
  // A command that is hidden is not suggested.
  { args: ["complet"], says: /see "wsctl --help"/ },
  { args: ["send", "ping", "--all", "--param", "novalue"], says: /expected KEY=VALUE/ },
  { args: ["send", "ping", "--all", "--param", "a=1", "--param", "a=2"], says: /"a" twice/ },
  { args: ["send", "ping", "--all", "--params", "{"], says: /is not JSON/ },
  { args: ["send", "ping", "--all", "--params", "[]"], says: /must be a JSON object/ },
  { args: ["send", "ping", "--all", "--params", "@/no/such/file"], says: /cannot read/ },
  { args: ["send", "ping", "--all", "--server", "ftp://x"], says: /Flag --server is "ftp:\/\/x"/ },
  { args: ["send", "ping", "--all", "--json=maybe"], says: /Flag --json takes no value/ },
  { args: ["serve", "--port", "70000"], says: /Flag --port is "70000"/ },
  { args: ["serve", "--heartbeat", "0s"], says: /Flag --heartbeat is "0s"/ },
  { args: ["serve", "--data-dir", "/etc/hosts"], says: /"\/etc\/hosts": it is not a directory$/m },
  { args: ["log", "verify", "/etc"], says: /Cannot read "\/etc": it has no log/ },
  { args: ["commands", "create", "ping"], says: /"ping": it is built in/ },
  { args: ["serve", "--tls-cert", "x"], says: /must be specified together/ },
  { args: ["agent", "--id", "UPPER"], says: /Agent id "UPPER"/ },
  { args: ["agent", "--id", "../x"], says: /Agent id "\.\.\/x"/ },
  { args: ["tokens", "create"], says: /specify --join .* --agent ID .* --role ROLE/ },
  {
    args: ["tokens", "create", "--role", "king"],
    says: /^wsctl: Flag --role is "king": expected viewer, operator, admin, metrics, trigger$/m,
  },
  { args: ["serve", "--log-level", "loud"], says: /Flag --log-level is "loud": expected error, w/ },
  { args: ["help", "frobnicate"], says: /Unknown command "wsctl frobnicate"/ },
  { args: ["jobs", "list", "--limit", "-1"], says: /--limit/ },
  { args: ["jobs", "list", "--limit", "abc"], says: /Flag --limit is "abc"/ },
  { args: ["version", "--config", "/no/such/file"], says: /Cannot read the settings file/ },
];

describe("wrong usage ends with status 2 and says how to put it right:", () => {
  for (const { args, says } of wrong) {
    test(`wsctl ${args.join(" ")}`, async () => {
      using dataDir = temporaryDir();
      const env = { WSCTL_DATA_DIR: `${dataDir}` };
      expectRefusal(await wsctl(args, { env }), 2, says);
    });
  }
});

test("help is an answer: on stdout, with status 0, and without colour in a pipe", async () => {
  for (const args of [
    [],
    ["--help"],
    ["send", "--help"],
    ["agents", "-h"],
    ["help", "jobs", "show"],
  ]) {
    const { code, stdout, stderr } = await wsctl(args, { env: { NO_COLOR: "" } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("USAGE");
    expect(stdout).not.toContain("\u001b");
  }
});

test("no command has a flag for a token's text", async () => {
  for (const command of ["serve", "agent", "send", "agents", "jobs", "tokens", "doctor"]) {
    const { stdout } = await wsctl([command, "--help"]);
    expect(stdout).not.toMatch(/--token(?!-file)/);
  }
});

test("the version is told to people and to programs", async () => {
  const json = JSON.parse((await wsctl(["version", "--json"])).stdout);
  expect(json).toMatchObject({ protocol_version: 1 });
  expect((await wsctl(["--version"])).stdout.trim()).toBe(json.version);
  expect((await wsctl(["version"])).stdout).toContain(`wsctl ${json.version}`);
});
