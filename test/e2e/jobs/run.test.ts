/** `wsctl run`: a local script on agents that allow scripts. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { generateKey } from "../../../lib/protocol/keys.ts";
import { parametersBytesMax } from "../../../lib/protocol/limits.ts";
import {
  connectedAgent,
  type Running,
  type RunOptions,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const key = generateKey();
let serving: Serving;
const agents: Running[] = [];

const file = (name: string, text: string | Uint8Array) => {
  const path = join(`${dataDir}`, name);
  writeFileSync(path, text);
  return path;
};
/** Runs a script on one agent. */
function run(agent: string, words: string[], options?: RunOptions) {
  return wsctl(["run", "--agent", agent, "--data-dir", `${dataDir}`, ...words], options);
}
const outcome = (stdout: string) => JSON.parse(stdout) as OutcomeLine;

beforeAll(async () => {
  serving = await startServe({ dataDir });
  const start = (id: string, ...args: string[]) => connectedAgent({ dataDir, id, args });
  agents.push(await start("open", "--allow-scripts", "all"));
  agents.push(await start("shut", "--allow-exec", "echo **"));
  agents.push(await start("signed", "--allow-scripts", key.publicKey.text));
});
afterAll(async () => {
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe("run", () => {
  test("runs a local script by its #! line, with arguments, variables, input and directory", async () => {
    const script = file(
      "show.sh",
      '#!/bin/sh -e\nprintf "[%s]" "$@"\necho " $MODE $(pwd) $(cat)"\nexit 3\n',
    );
    const words = ["--json", "--env", "MODE=a b", "--directory", "/tmp", "--stdin", "-"];
    const { code, stdout } = await run("open", [script, ...words, "--", "-x", "", "a  b", "--"], {
      stdin: "typed",
    });
    expect(code).toBe(1);
    expect(outcome(stdout)).toMatchObject({
      command: "run_script",
      outcome: "failed",
      message: "exited with status 3\n[-x][][a  b][--] a b /tmp typed",
      result: { exit_code: 3 },
    });
  });

  test("reads the script from standard input, and returns its result", async () => {
    const script = "#!/usr/bin/env -S sh -u\necho '{\"free\": 7}'\n";
    const { code, stdout } = await run("open", ["-", "--json"], { stdin: script });
    expect(code).toBe(0);
    expect(outcome(stdout)).toMatchObject({ outcome: "success", result: { free: 7 } });
  });

  test("a host without --allow-scripts refuses, and names the flag", async () => {
    const { code, stdout } = await run("shut", [file("ok.sh", "#!/bin/sh\ntrue\n")]);
    expect(code).toBe(1);
    expect(stdout).toContain("FORBIDDEN");
    expect(stdout).toContain("wsctl agent --allow-scripts");
  });

  test("a host that names keys runs only scripts that one of them signed", async () => {
    const pem = file("signer.pem", key.pem);
    const script = file("signed.sh", "#!/bin/sh\necho signed\n");
    const refused = await run("signed", [script]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain("use wsctl run --sign KEY");
    const { code, stdout } = await run("signed", [script, "--sign", pem, "--json"]);
    expect(code).toBe(0);
    expect(outcome(stdout)).toMatchObject({ outcome: "success", message: "signed" });
    const args = ["send", "ping", "--agent", "signed", "--data-dir", `${dataDir}`];
    expect((await wsctl(args)).code).toBe(0);
  });

  test("an interpreter that the host lacks is an error that certainly did not start", async () => {
    const { stdout } = await run("open", [file("odd.sh", "#!/opt/none/ruby\n"), "--json"]);
    expect(outcome(stdout)).toMatchObject({ outcome: "error", code: "NOT_STARTED" });
    expect(outcome(stdout).message).toContain('"/opt/none/ruby"');
  });

  test.each<[string, string | Uint8Array, string]>([
    ["no interpreter", "echo hello\n", "Begin it with a line such as #!/bin/sh"],
    ["a relative interpreter", "#!sh\n", "Begin it with a line such as #!/bin/sh"],
    ["carriage returns", "#!/bin/sh\r\necho\r\n", "Save it with line feeds"],
    ["a byte order mark", "\uFEFF#!/bin/sh\n", "it begins with a byte order mark"],
    ["a NUL character", "#!/bin/sh\n\0", "it is not a text file"],
    ["bytes that are not UTF-8", new Uint8Array([35, 33, 47, 97, 10, 255]), "it is not UTF-8"],
    ["too many bytes", `#!/bin/sh\n${"#".repeat(parametersBytesMax)}`, "it has more than"],
  ])("refuses a script with %s before sending it", async (_, text, message) => {
    const { code, stdout, stderr } = await run("open", [file("wrong.sh", text)]);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test.each([
    [[], "Missing argument SCRIPT"],
    [["--", "x"], "Missing argument SCRIPT: write it before --"],
    [["a.sh", "b"], 'Unexpected argument "b" before --'],
    [["none.sh"], 'Cannot read script "none.sh"'],
    [["/"], "it is a directory"],
    [["-", "--env", "1=2"], 'Flag --env is "1=2": expected NAME=VALUE'],
    [["-", "--directory", "x"], 'Flag --directory is "x": expected an absolute path'],
    [["-", "--stdin", "-"], "another flag has read it"],
  ])("%j is an error that says what to write", async (words, message) => {
    const { code, stderr } = await run("open", words, { stdin: "#!/bin/sh\n" });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
