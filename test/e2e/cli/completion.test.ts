/** Completion on the compiled binary, by the shells themselves, with hosts that name what they like. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const manifest = (pwned: string) => `
description = "brings a \\u001b[31mversion into service"
argv = ["/bin/true"]
[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
description = "which: one"
[parameters.properties.stage]
enum = ["test", "live", "$(touch ${pwned})", "a b", "\`touch ${pwned}\`", "it's", "1"]
[parameters.properties.force]
type = "boolean"
[parameters.properties."e$(touch ${pwned})"]
type = "string"
`;

const dataDir = temporaryDir();
const pwned = join(`${dataDir}`, "pwned");
const [binary = ""] = wsctlCommand("binary");
const agents: Running[] = [];
let serving: Serving;
let jobId = "";

const env = () => ({
  PATH: `${dirname(binary)}:${process.env.PATH ?? ""}`,
  HOME: `${dataDir}`,
  WSCTL_DATA_DIR: `${dataDir}`,
});

beforeAll(async () => {
  const commandsDir = join(`${dataDir}`, "commands.d");
  mkdirSync(commandsDir);
  writeFileSync(join(commandsDir, "deploy.toml"), manifest(pwned));
  writeFileSync(join(`${dataDir}`, "some file"), "");
  serving = await startServe({ dataDir });
  const labels = ["--label", "role=web", "--label", "rack=r12"];
  for (const id of ["web-1", "web-2"]) {
    agents.push(
      await connectedAgent({ dataDir, id, args: ["--commands-dir", commandsDir, ...labels] }),
    );
  }
  const nightly = ["schedules", "create", "nightly", "ping", "--all", "--every", "1d"];
  await wsctl([...nightly, "--data-dir", `${dataDir}`]);
  const words = ["send", "ping", "--agent", "web-1,web-2", "--data-dir", `${dataDir}`, "--json"];
  jobId = JSON.parse((await wsctl(words)).stdout.split("\n")[0] ?? "").job_id;
});
afterAll(async () => {
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

interface Shell {
  name: string;
  /** What the shell would put in place of the last word. */
  complete(words: string[]): string[];
}

function run(program: string, args: string[]): string[] {
  const { stdout, stderr } = spawnSync(program, args, { env: env(), cwd: `${dataDir}` });
  expect(stderr.toString()).toBe("");
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

/** As readline would call it, which takes words apart at `=` and puts back what stood before. */
function bash(words: string[]): string[] {
  const apart = words.flatMap((word) => word.split(/(=)/).filter((part, at) => at === 0 || part));
  const last = words.at(-1) ?? "";
  const script = [
    "source <(wsctl completion bash)",
    `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wsctl; printf "%s\\n" "\${COMPREPLY[@]}"`,
  ].join("\n");
  const before = last.slice(0, last.lastIndexOf("=") + 1);
  return run("bash", ["--norc", "-c", script, "bash", ...apart]).map((each) => before + each);
}

/** With the completion system's own functions in place of its menus. */
function zsh(words: string[]): string[] {
  const script = [
    "compdef() { : }",
    "_files() { print -r -- a-file }",
    "compset() { : }",
    // `name:description`, where a colon of the name itself is escaped.
    `_describe() { local each; for each in \${(P)5}; do print -r -- \${each%%:*}; done }`,
    "source <(wsctl completion zsh)",
    'CURRENT=$#; words=("$@"); PREFIX=$words[-1]; _wsctl',
  ].join("\n");
  return run("zsh", ["-f", "-c", script, "zsh", ...words]);
}

function fish(words: string[]): string[] {
  const script = "wsctl completion fish | source; complete -C $argv[1]";
  return run("fish", ["--no-config", "-c", script, words.join(" ")]).map(
    (line) => line.split("\t")[0] ?? "",
  );
}

const shells: Shell[] = [
  { name: "bash", complete: bash },
  { name: "zsh", complete: zsh },
  { name: "fish", complete: fish },
];

for (const { name, complete } of shells) {
  const isThere = spawnSync(name, ["-c", "true"]).status === 0;
  if (!isThere)
    process.stderr.write(`completion is not tried in ${name}, which is not installed\n`);
  describe.skipIf(!isThere)(`in ${name}`, () => {
    const words = (line: string) => complete(["wsctl", ...line.split(" ")]);

    test.each<[string, string[]]>([
      [
        "jobs ",
        ["list", "show", "watch", "cancel", "pause", "resume", "retry", "create", "approve"],
      ],
      ["jobs w", ["watch"]],
      ["send dep", ["deploy"]],
      ["send ping --agent ", ["web-1", "web-2"]],
      ["send ping --agent=web-", ["--agent=web-1", "--agent=web-2"]],
      ["send ping --agent web-1,", ["web-1,web-2"]],
      ["send deploy --param ", ["version=", "stage=", "force="]],
      ["send deploy --param version=v1 --agent web-2 --param ", ["stage=", "force="]],
      ["send deploy --param stage=", ["stage=test", "stage=live"]],
      ["send deploy --param force=t", ["force=true"]],
      ["send ping --target role=", ["role=web"]],
      ["send ping --target role=web,ra", ["role=web,rack=r12"]],
      ["schedules show ni", ["nightly"]],
      ["serve --log-level w", ["warn"]],
      ["agents show web-2", ["web-2"]],
      ["send ping --no-", ["--no-stream-output", "--no-wait"]],
      ["nosuch ", []],
    ])("wsctl %s", (line, wanted) => {
      expect(words(line)).toEqual(wanted);
    });

    test("jobs by their ids", () => {
      for (const verb of ["show", "watch", "cancel"])
        expect(words(`jobs ${verb} `)).toEqual([jobId]);
    });

    test("files by the shell itself", () => {
      const found = words("serve --tls-cert so");
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/^(some file|some\\ file|a-file)$/);
    });

    test("without a control plane, what is known without it", () => {
      expect(words("send --data-dir /nowhere --agent ")).toEqual([]);
      expect(words("send --data-dir /nowhere ping --tt")).toEqual(["--ttl"]);
    });

    test("its script is well formed, and nothing of a host was run", () => {
      const script = spawnSync(binary, ["completion", name]).stdout;
      expect(spawnSync(name, ["-n"], { input: script }).status).toBe(0);
      expect(existsSync(pwned)).toBe(false);
    });
  });
}

test("descriptions stand behind a tab, and no terminal obeys them", async () => {
  const words = ["wsctl", "send", "d", "--data-dir", `${dataDir}`];
  const { stdout } = await wsctl([
    "internal",
    "complete",
    "--describe",
    "--index",
    "2",
    "--",
    ...words,
  ]);
  expect(stdout).toBe("deploy\tbrings a \\x1b[31mversion into service\n");
});

test("a control plane that does not answer is not waited for, and nothing is an error", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  const server = `http://127.0.0.1:${port}`;
  const nothing = { code: 0, stdout: "", stderr: "" };
  const ask = (words: string[], more: Record<string, string> = {}) =>
    wsctl(["internal", "complete", "--index", "3", "--", "wsctl", ...words], {
      env: { WSCTL_TOKEN: "x", WSCTL_DATA_DIR: `${dataDir}`, ...more },
    });
  const startedAt = performance.now();
  expect(await ask(["send", "--agent", "", "--server", server])).toEqual(nothing);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  silent.close();
  const fifo = join(`${dataDir}`, "fifo");
  spawnSync("mkfifo", [fifo]);
  for (const flag of ["--token-file", "--ca", "--config"]) {
    expect(await ask(["send", "--agent", "", flag, fifo])).toEqual(nothing);
  }
  expect(await ask(["send", "--agent", ""], { WSCTL_CONFIG: "/no/such" })).toEqual(nothing);
  const wrong = { NODE_TLS_REJECT_UNAUTHORIZED: "0", WSCTL_JSON: "maybe" };
  expect(await ask(["send", "--agent", ""], wrong)).toEqual(nothing);
});
