/** A release: binaries, archives, hashes, and how it was built. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  compareStarts,
  exceededBytes,
  exceededStarts,
  measureBytes,
  readFigures,
} from "../../../scripts/release/budget.ts";
import { releaseNotes } from "../../../scripts/release/notes.ts";
import { buildRelease } from "../../../scripts/release.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const targets = ["bun-linux-x64-baseline", "bun-windows-x64"];
let dir: string & Disposable;
let output: string;

beforeAll(async () => {
  dir = temporaryDir();
  output = join(`${dir}`, "release");
  await buildRelease({ output, targets, allowsChanges: true, level: 1 });
}, 120_000);
afterAll(() => dir[Symbol.dispose]());

const digestOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return `${stdout}`;
}

test("SHA256SUMS names every file with its hash", () => {
  const lines = readFileSync(join(output, "SHA256SUMS"), "utf8").trim().split("\n");
  const listed = lines.map((line) => line.split("  "));
  expect(listed.map(([, name = ""]) => name).toSorted()).toEqual(
    readdirSync(output)
      .filter((name) => name !== "SHA256SUMS")
      .toSorted(),
  );
  for (const [sha256, name = ""] of listed) expect(digestOf(join(output, name))).toBe(sha256 ?? "");
});

test("an archive has the binary, which runs, with completions, man page, units and licence", () => {
  const name = readdirSync(output).find((each) => each.endsWith("-linux-x64-baseline.tar.gz"));
  run("tar", "-xzf", join(output, name ?? ""), "-C", `${dir}`);
  const top = join(`${dir}`, (name ?? "").replace(".tar.gz", ""));
  expect(run(join(top, "wsctl"), "version")).toContain("protocol 1");
  expect(readdirSync(top, { recursive: true }).toSorted()).toEqual([
    ...["CHANGELOG.md", "LICENSE", "completions", "completions/wsctl.bash"],
    ...["completions/wsctl.fish", "completions/wsctl.zsh", "man", "man/wsctl.1", "systemd"],
    ...["systemd/wsctl-agent.service", "systemd/wsctl-serve.service", "wsctl"],
  ]);
  expect(statSync(join(top, "wsctl")).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(top, "systemd/wsctl-serve.service"), "utf8")).toContain(
    "\nExecStart=/usr/bin/wsctl serve\n",
  );
});

test("an archive for Windows has a program and a service for Windows, and no units", () => {
  const name = readdirSync(output).find((each) => each.endsWith("-windows-x64.tar.gz")) ?? "";
  const names = run("tar", "-tzf", join(output, name));
  expect(names).toContain("/wsctl.exe\n");
  expect(names).toContain("/windows/wsctl-agent.xml\n");
  expect(names).not.toContain("systemd");
  expect(readFileSync(join(output, "wsctl-windows-x64.exe")).subarray(0, 2).toString()).toBe("MZ");
});

test("a release that is larger than the last one is over its budget", () => {
  const last = readFigures();
  const names = readdirSync(output).filter((name) => /^wsctl-[a-z]+-\S+(?<!\.gz)$/.test(name));
  const now = measureBytes(output, names);
  expect(Object.keys(last.bytes)).toEqual(expect.arrayContaining(Object.keys(now.bytes)));
  const smaller = (by: number) => {
    const bytes = Object.entries(now.bytes).map(([name, figure]) => [name, figure / by]);
    return { ...now, bytes: Object.fromEntries(bytes) };
  };
  expect(exceededBytes(now, smaller(1.02))).toEqual([]);
  expect(exceededBytes(now, smaller(1.04))).toEqual([
    expect.stringMatching(/^wsctl-linux-x64-baseline: \d+, 4\.0 % more than .* the budget is 3 %$/),
    expect.stringMatching(/^wsctl-windows-x64\.exe: /),
  ]);
});

test("a release that is slower to start than the binary of the last one is over its budget", () => {
  const binary = join(output, "wsctl-linux-x64-baseline");
  // A program that does nothing starts several times as fast, on whatever machine.
  expect(exceededStarts(compareStarts(binary, "/bin/true"))).toEqual(
    ["version", "agent --help", "serve --help"].map((words) =>
      expect.stringMatching(new RegExp(`^wsctl ${words}: .* % more .* the budget is 25 %$`)),
    ),
  );
  expect(exceededStarts(compareStarts("/bin/true", binary))).toEqual([]);
  expect(exceededStarts({ "wsctl version": 1.2 })).toEqual([]);
  expect(() => compareStarts(binary, join(output, "none"))).toThrow("there is no such file");
});

test("the notes of a release are its section of the CHANGELOG, which must be there", () => {
  const notes = readFileSync(join(output, "RELEASE_NOTES.md"), "utf8");
  expect(notes).toStartWith("# wsctl 0.1.0\n\n### Commands and jobs\n");
  expect(notes).not.toContain("unreleased");
  const changes = "# Changes\n\n## 2.0.0\n\n- new\n\n## 1.10.0 (2026-01-02)\n\n- old\n\n## 1.1.0\n";
  expect(releaseNotes("2.0.0", changes)).toStartWith("# wsctl 2.0.0\n\n- new\n\n## Check");
  expect(releaseNotes("1.10.0", changes)).toStartWith("# wsctl 1.10.0\n\n- old\n\n## Check");
  for (const version of ["1.1.0", "3.0.0", "1.1"]) {
    expect(() => releaseNotes(version, changes)).toThrow(`no section "## ${version}"`);
  }
});

test("install.ps1 looks for the binary of the release", () => {
  const script = readFileSync(join(output, "install.ps1"), "utf8");
  const [, name = ""] = /^\$name = '(.*)'$/m.exec(script) ?? [];
  expect(readdirSync(output)).toContain(name);
});

test("the provenance names the commit, the lock file and the hash of every file before it", () => {
  const statement = JSON.parse(readFileSync(join(output, "provenance.json"), "utf8"));
  expect(statement).toMatchObject({
    _type: "https://in-toto.io/Statement/v1",
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: { buildDefinition: { externalParameters: { targets } } },
  });
  const { subject, predicate } = statement;
  for (const { name, digest } of subject) expect(digestOf(join(output, name))).toBe(digest.sha256);
  expect(subject).toHaveLength(readdirSync(output).length - 2);
  const [source] = predicate.buildDefinition.resolvedDependencies;
  expect(source.digest.gitCommit).toMatch(/^[0-9a-f]{40}$/);
});

test("the same commit gives the same bytes", async () => {
  const again = join(`${dir}`, "again");
  const [target = ""] = targets;
  const sums = await buildRelease({
    ...{ output: again, targets: [target], allowsChanges: true, level: 1 },
  });
  const first = readFileSync(join(output, "SHA256SUMS"), "utf8");
  const built = sums.split("\n").filter((line) => line.includes("linux-x64"));
  expect(built).toHaveLength(2);
  for (const line of built) expect(first).toContain(line);
}, 120_000);
