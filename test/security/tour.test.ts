/** The tutorial's two hosts, word by word, on two network namespaces, and what they refuse. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TwoHosts } from "../support/processes/namespaces.ts";
import { Running, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

const root = new URL("../..", import.meta.url).pathname;
const hosts = TwoHosts.make();
if (hosts === undefined) process.stderr.write("the tour is left out: no network namespaces here\n");

/** Every command of the tutorial's part on two hosts, in order. */
function tour(): string[] {
  const page = readFileSync(join(root, "docs/tutorial.md"), "utf8");
  const [, part = ""] = /\n## Two hosts\n([\s\S]*?)\n## /.exec(page) ?? [];
  return [...part.matchAll(/^\$ (.*)$/gm)].map(([, text = ""]) => text);
}

test("the tutorial has the commands that are tried here", () => {
  expect(tour()).toEqual([
    "wsctl serve --host 0.0.0.0",
    "wsctl tokens create --join",
    "wsctl agent --join <JOIN_STRING>",
    "wsctl send info --all --require-online",
  ]);
});

test.skipIf(hosts === undefined)("a second host joins over TLS, as the tutorial says", async () => {
  using _ = hosts as TwoHosts;
  using near = temporaryDir();
  using far = temporaryDir();
  const [serve = "", create = "", agent = "", send = ""] = tour();
  const run = (host: 0 | 1, line: string, dir: string) => {
    const words = line.split(" ").slice(1);
    const env = { WSCTL_DATA_DIR: dir };
    return new Running([...(hosts?.on(host) ?? []), ...wsctlCommand("binary"), ...words], { env });
  };
  const serving = run(0, serve, `${near}`);
  await using _serving = serving;
  await serving.logged(/serving on https:\/\/127\.0\.0\.1:7420/);
  const making = run(0, create, `${near}`);
  const [text] = await making.logged(/^wsj1\.\S+$/);
  const place = Buffer.from(text.split(".")[2] ?? "", "base64url").toString();
  expect(place).toBe("https://10.77.0.1:7420");
  await using joined = run(1, agent.replace("<JOIN_STRING>", text), `${far}`);
  await joined.logged(/joined https:\/\/10\.77\.0\.1:7420/);
  await joined.logged(/ connected$/);
  const sent = run(0, send, `${near}`);
  expect(await sent.exited).toBe(0);
  expect(sent.lines.join("\n")).toContain("success");
  // Plain text is no way in, and an unknown authority is no way out.
  const plain = run(1, "wsctl agents --server http://10.77.0.1:7420", `${far}`);
  expect(await plain.exited).not.toBe(0);
  const strange = run(1, "wsctl doctor --server https://10.77.0.1:7420", `${far}`);
  expect(await strange.exited).toBe(3);
  expect(strange.lines.join("\n")).toMatch(/FAIL {2}tls/);
  // A flag that says what it is, is the only way to speak plainly beyond this host.
  const open = run(0, `${serve} --tls off --port 7421`, `${near}`);
  expect(await open.exited).toBe(2);
  expect(open.lines.join("\n")).toMatch(/--insecure-plaintext/);
});
