/** Files that people write, as the editors of different systems save them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectRefusal } from "../../support/processes/cli.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const dataDir = temporaryDir();
const at = (name: string) => join(`${dataDir}`, name);
const commandsDir = at("commands.d");
let serving: Serving;
let agent: Running;

const encodings: [name: string, encode: (text: string) => Buffer][] = [
  ["Windows, UTF-8", (text) => Buffer.from(`\ufeff${text.replaceAll("\n", "\r\n")}`)],
  ["Windows, UTF-16", (text) => Buffer.from(`\ufeff${text.replaceAll("\n", "\r\n")}`, "utf16le")],
];

beforeAll(async () => {
  mkdirSync(commandsDir);
  serving = await startServe({ dataDir });
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await serving?.[Symbol.asyncDispose]();
  dataDir[Symbol.dispose]();
});

describe.each(encodings)("files of %s", (_name, encode) => {
  test("are read as if they were of this system", async () => {
    const write = (name: string, text: string, mode = 0o600) =>
      writeFileSync(at(name), encode(text), { mode });
    write(
      "commands.d/greet.toml",
      'description = "Grüße"\nargv = ["/bin/echo", "{who}"]\n\n[parameters]\nrequired = ["who"]\n[parameters.properties.who]\ntype = "string"\n',
      0o644,
    );
    const { token } = await Bun.file(at("local.json")).json();
    write("token", `${token}\n`);
    write("params.json", '{\n  "who": "Jürgen"\n}\n');
    write("config.toml", `server = "${serving.url}"\nttl = "20s"\n`);
    await agent?.[Symbol.asyncDispose]();
    agent = await connectedAgent({ dataDir, id: "web-1", args: ["--commands-dir", commandsDir] });
    const words = ["send", "greet", "--agent", "web-1", "--params", `@${at("params.json")}`];
    const files = ["--config", at("config.toml"), "--token-file", at("token")];
    const sent = await wsctl([...words, ...files, "--data-dir", at("elsewhere")]);
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringContaining("[web-1] Jürgen\n") });
  });
});

test("what is no text is refused with the reason", async () => {
  const send = ["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`];
  writeFileSync(at("latin"), Buffer.from([0x7b, 0xfc, 0x7d]));
  const latin = await wsctl([...send, "--params", `@${at("latin")}`]);
  expect(latin).toMatchObject({ code: 2, stderr: expect.stringContaining("it is not UTF-8") });
  const device = await wsctl([...send, "--config", "/dev/zero"]);
  expect(device.stderr).toContain("it has more than 4194304 bytes");
  const directory = await wsctl([...send, "--ca", `${dataDir}`]);
  expect(directory.stderr).toContain("it is a directory: expected a file");
});

test("what grants something is refused if every user can write to it", async () => {
  const send = ["send", "ping", "--agent", "web-1", "--data-dir", `${dataDir}`];
  const flags = ["config", "ca", "sign", "passphrase-file"];
  for (const flag of flags) {
    const file = at(`shared.${flag}`);
    writeFileSync(file, "");
    chmodSync(file, 0o666);
    const more = flag === "passphrase-file" ? ["--sign", "any"] : [];
    const refused = await wsctl([...send, ...more, `--${flag}`, file]);
    expectRefusal(refused, 2, /every user can write to it. Restrict it: chmod o-w /);
  }
  writeFileSync(at("shared.json"), "{}");
  chmodSync(at("shared.json"), 0o666);
  expect(await wsctl([...send, "--params", `@${at("shared.json")}`])).toMatchObject({ code: 0 });
});
