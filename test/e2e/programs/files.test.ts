/** `wsctl push` and `wsctl pull`: files to and from hosts, on the binary. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { create } from "tar";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe("push and pull", () => {
  let fleet: JoinableFleet;
  const local = temporaryDir();
  /** The directory of each host that may be written, and one that may not. */
  const site = (host: string) => join(local, host, "site");
  const hosts = ["web-1", "web-2"];

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    for (const id of hosts) {
      mkdirSync(site(id), { recursive: true });
      mkdirSync(join(local, id, "private"));
      const text = await fleet.joinText();
      const allowed = ["--allow-push", `${site(id)}/**`, "--allow-pull", `${site(id)}/**`];
      await fleet
        .agent(fleet.newHost(), "--id", id, "--join", text, ...allowed)
        .logged(/ connected$/);
    }
    const shut = fleet.agent(fleet.newHost(), "--id", "shut", "--join", await fleet.joinText());
    await shut.logged(/ connected$/);
  });
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]();
    local[Symbol.dispose]();
  });

  const source = (name: string, content: string | Uint8Array, mode = 0o644) => {
    const path = join(local, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  const push = (...args: string[]) => fleet.run("push", ...args, "--agent", "web-1");
  const pushed = async (...args: string[]) => {
    const [line] = jsonLines<OutcomeLine>(await push(...args, "--json"));
    return line;
  };
  const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

  test("writes a file with the mode of its source, and then leaves it as it is", async () => {
    const file = source("app.conf", "one\n", 0o640);
    const to = join(site("web-1"), "etc/app.conf");
    const first = await push(file, "--to", to);
    expect(first.stdout).toMatch(
      /^\[web-1\] created \S+app\.conf\nweb-1 {2}success {2}\(\d+ ms\)\n$/,
    );
    expect([readFileSync(to, "utf8"), modeOf(to)]).toEqual(["one\n", "640"]);
    const before = statSync(to);
    expect(await pushed(file, "--to", to)).toMatchObject({ result: { changed: 0, unchanged: 1 } });
    expect(statSync(to)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  test("--check shows what would change, and changes nothing", async () => {
    const to = join(site("web-1"), "checked.conf");
    writeFileSync(to, "old\n");
    const file = source("checked.conf", "new\n");
    const checked = await push(file, "--to", to, "--check");
    expect(checked.stdout).toContain(`[web-1] would be changed ${to}`);
    const missing = join(site("web-1"), "none/yet/x");
    expect((await push(file, "--to", missing, "--check")).stdout).toContain("would be created");
    expect([readFileSync(to, "utf8"), existsSync(join(site("web-1"), "none"))]).toEqual([
      "old\n",
      false,
    ]);
  });

  test("an existing file keeps its mode, and --backup keeps its content beside it", async () => {
    const to = join(site("web-1"), "kept.conf");
    writeFileSync(to, "old\n");
    chmodSync(to, 0o600);
    expect(await pushed(source("kept.conf", "new\n"), "--to", to, "--backup")).toMatchObject({
      outcome: "success",
      result: { changed: 1 },
    });
    expect([readFileSync(to, "utf8"), modeOf(to)]).toEqual(["new\n", "600"]);
    const [backup = "", ...more] = readdirSync(site("web-1")).filter((name) =>
      name.endsWith(".bak"),
    );
    expect(more).toEqual([]);
    expect(backup).toMatch(/^kept\.conf\.\d{8}T\d{6}Z\.bak$/);
    expect(readFileSync(join(site("web-1"), backup), "utf8")).toBe("old\n");
    await push(source("kept.conf", "new\n"), "--to", to, "--mode", "0604");
    expect(modeOf(to)).toBe("604");
  });

  test("a directory becomes the destination, or goes into one with a slash at its end", async () => {
    source("tree/a.txt", "a", 0o600);
    source("tree/sub/b.sh", "b", 0o755);
    const tree = join(local, "tree");
    const to = join(site("web-1"), "tree-1");
    expect(await pushed(tree, "--to", to)).toMatchObject({ result: { created: 2 } });
    expect([readFileSync(join(to, "a.txt"), "utf8"), modeOf(join(to, "sub/b.sh"))]).toEqual([
      "a",
      "755",
    ]);
    const into = join(site("web-1"), "into");
    expect(await pushed(tree, source("x.txt", "x"), "--to", `${into}/`)).toMatchObject({
      result: { created: 3 },
    });
    expect(readFileSync(join(into, "tree/sub/b.sh"), "utf8")).toBe("b");
    source("tree/a.txt", "changed", 0o600);
    const again = await push(tree, "--to", to);
    expect(again.stdout).toContain(`changed ${join(to, "a.txt")}`);
    expect(again.stdout).not.toContain("b.sh");
  });

  test("goes to many hosts with one upload, in batches", async () => {
    const to = join(local, "web-*/site/all.bin").replace("*", "1");
    const big = source(
      "all.bin",
      crypto.getRandomValues(new Uint8Array(300_000).subarray(0, 65_536)),
    );
    const done = await fleet.run(
      "push",
      big,
      "--to",
      to,
      "--agent",
      "web-*",
      "--batch",
      "1",
      "--json",
    );
    const lines = jsonLines<OutcomeLine>(done);
    // The second host does not allow the path of the first one.
    expect(
      lines.map(({ agent, outcome, code = "" }) => `${agent} ${outcome} ${code}`).sort(),
    ).toEqual(["web-1 success ", "web-2 error FORBIDDEN"]);
    expect(readFileSync(to).equals(readFileSync(big))).toBe(true);
    expect(done.code).toBe(1);
  });

  test("a host without --allow-push or --allow-pull refuses, and names the flag", async () => {
    const file = source("refused.txt", "x");
    const args = ["--agent", "shut", "--json"];
    const [written] = jsonLines<OutcomeLine>(
      await fleet.run("push", file, "--to", "/tmp/x", ...args),
    );
    expect(written).toMatchObject({ outcome: "error", code: "FORBIDDEN" });
    expect(written?.message).toContain("wsctl agent --allow-push");
    const pulled = await fleet.run("pull", "/etc/hosts", "--to", join(local, "no"), ...args);
    expect(jsonLines<OutcomeLine>(pulled)[0]?.message).toContain("wsctl agent --allow-pull");
  });

  test("no path leads out of what the host allows, through links or an archive", async () => {
    const secret = join(local, "web-1", "private");
    writeFileSync(join(secret, "key"), "secret");
    symlinkSync(secret, join(site("web-1"), "link"));
    symlinkSync(join(secret, "key"), join(site("web-1"), "file-link"));
    const file = source("evil.txt", "evil");
    const through = await pushed(file, "--to", join(site("web-1"), "link/new.txt"));
    expect(through).toMatchObject({ outcome: "error", code: "FORBIDDEN" });
    expect(await pushed(file, "--to", join(secret, "new.txt"))).toMatchObject({
      code: "FORBIDDEN",
    });
    const parent = await push(file, "--to", `${site("web-1")}/../private/new.txt`);
    expect(parent.stdout).toContain('must not contain "." or ".."');
    expect(existsSync(join(secret, "new.txt"))).toBe(false);
    // A link is replaced, and not followed.
    const to = join(site("web-1"), "file-link");
    expect(await pushed(file, "--to", to)).toMatchObject({ result: { changed: 1 } });
    expect(lstatSync(to).isFile()).toBe(true);
    expect(readFileSync(join(secret, "key"), "utf8")).toBe("secret");
    source("dir/link/new.txt", "evil");
    const tree = await pushed(join(local, "dir"), "--to", `${site("web-1")}/`.replace(/\/$/, ""));
    expect(tree).toMatchObject({ outcome: "failed" });
    expect(tree?.message).toContain("does not allow to write");
    expect(existsSync(join(secret, "new.txt"))).toBe(false);
    const read = await fleet.run(
      ...[
        "pull",
        join(site("web-1"), "link/key"),
        "--agent",
        "web-1",
        "--to",
        join(local, "stolen"),
      ],
    );
    expect(read.code).toBe(1);
    expect(existsSync(join(local, "stolen", "web-1"))).toBe(false);
  });

  test("pull fetches a file and a directory into one directory for each agent", async () => {
    const dir = join(site("web-1"), "logs");
    mkdirSync(join(dir, "deep"), { recursive: true });
    writeFileSync(join(dir, "deep/app.log"), "line\n");
    symlinkSync("/etc/passwd", join(dir, "passwd"));
    const to = join(local, "pulled");
    const one = await fleet.run("pull", join(dir, "deep/app.log"), "--agent", "web-1", "--to", to);
    expect(one).toMatchObject({ code: 0 });
    expect(readFileSync(join(to, "web-1/app.log"), "utf8")).toBe("line\n");
    const all = await fleet.run("pull", dir, "--agent", "web-1", "--to", to);
    expect(all.stderr).toContain("1 links or special files left out");
    expect(readdirSync(join(to, "web-1/logs"), { recursive: true }).sort()).toEqual([
      "deep",
      "deep/app.log",
    ]);
    const missing = await fleet.run("pull", join(dir, "none"), "--agent", "web-1", "--to", to);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("cannot read");
  });

  test("an operator may push, and an agent fetches only what its own request names", async () => {
    const token = await fleet.newToken("--role", "operator");
    const file = source("own.txt", "own");
    const to = join(site("web-1"), "own.txt");
    const done = await fleet.runAs(token, "push", file, "--to", to, "--agent", "web-1");
    expect(done.code).toBe(0);
    const listed = await fleet.run("artifacts", "list", "--json");
    const artifact = jsonLines<{ artifact_id: string; name: string; kind: string }>(listed).find(
      ({ name }) => name === "own.txt",
    );
    expect(artifact?.kind).toBe("file");
    const other = await fleet.newToken("--agent", "plc-1");
    const got = await fleet.runAs(other, "artifacts", "get", artifact?.artifact_id ?? "");
    expectRefusal(got, 4, /An agent may fetch only releases, and files that an open request/);
  });

  test.each<[string, string[], string]>([
    ["a relative destination", ["app.conf", "--to", "etc/app.conf"], "expected an absolute path"],
    ["a missing file", ["none.conf", "--to", "/tmp/x"], 'Cannot push "none.conf"'],
    ["a device", ["/dev/null", "--to", "/tmp/x"], "it is neither a file nor a directory"],
    [
      "a mode that is none",
      ["/etc/hosts", "--to", "/tmp/x", "--mode", "rw"],
      "expected an octal mode",
    ],
    ["no destination", ["/etc/hosts"], "Missing"],
    ["no file", ["--to", "/tmp/x"], "Missing argument FILE"],
  ])("%s is refused before anything is uploaded", async (_, args, message) => {
    const { code, stderr } = await push(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test("links in a pushed directory are refused, and a forged archive writes nothing", async () => {
    source("linked/a.txt", "a");
    symlinkSync("/etc/passwd", join(local, "linked", "passwd"));
    const refused = await push(join(local, "linked"), "--to", join(site("web-1"), "linked"));
    expectRefusal(refused, 2, /it is a symbolic link/);
    // What a client of its own could send.
    const forged = join(local, "forged.tar");
    await create({ file: forged, cwd: local, portable: true }, ["linked"]);
    const upload = await pushed(forged, "--to", join(site("web-1"), "forged.tar"));
    expect(upload).toMatchObject({ outcome: "success" });
    const listed = jsonLines<{ artifact_id: string; name: string; bytes: number; sha256: string }>(
      await fleet.run("artifacts", "list", "--json"),
    );
    const {
      artifact_id = "",
      bytes = 0,
      sha256 = "",
    } = listed.find((each) => each.name === "forged.tar") ?? {};
    const path = join(site("web-1"), "forged");
    const parameters = JSON.stringify({ artifact_id, bytes, sha256, archive: true, path });
    const sent = await fleet.run(
      "send",
      "push_files",
      "--agent",
      "web-1",
      "--params",
      parameters,
      "--json",
    );
    const [line] = jsonLines<OutcomeLine>(sent);
    expect(line).toMatchObject({ outcome: "failed" });
    expect(line?.message).toContain('the archive has the entry "linked/passwd", which is no file');
    expect(existsSync(path)).toBe(false);
  });
});
