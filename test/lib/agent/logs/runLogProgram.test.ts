import { describe, expect, test } from "bun:test";
import type { SystemdJournalSource } from "../../../../lib/agent/logs/logSource.ts";
import {
  journalArgv,
  journalFilter,
  journalFollowArgv,
  runProgram,
} from "../../../../lib/agent/logs/runLogProgram.ts";

const source: SystemdJournalSource = { name: "web", kind: "journal", unit: "nginx.service" };
const now = 1_773_000_000_250;
const head = ["journalctl", "-u", "nginx.service", "-o", "short-iso", "--no-pager", "-q"];

describe("the journal", () => {
  test("is asked for the last lines up to now", () => {
    expect(journalArgv(source, { lines: 50, filter: {} }, now)).toEqual([
      ...head,
      "--until=@1773000000.250",
      "--lines=50",
    ]);
  });

  test("journalctl: times are passed to it, patterns are applied by wsctl", () => {
    const wanted = { since: now - 60_000, until: now - 5, grep: /x/ };
    expect(journalArgv(source, { lines: 50, filter: wanted }, now)).toEqual([
      ...head,
      "--since=@1772999940.250",
      "--until=@1773000000.245",
    ]);
    // Not every version counts the last lines behind a time.
    expect(journalArgv(source, { lines: 50, filter: { since: now } }, now)).toEqual([
      ...[...head, "--since=@1773000000.250", "--until=@1773000000.250"],
    ]);
    expect(journalFilter(source, wanted)).toEqual({ grep: /x/ });
    const command = { name: "web", kind: "command", argv: ["x"] } as const;
    expect(journalFilter({ ...command, argv: ["x"] }, wanted)).toBe(wanted);
  });

  test("is read as a whole without a unit, and followed from where the reading ended", () => {
    const { unit: _unit, ...whole } = source;
    expect(journalArgv(whole, { lines: "all", filter: {} }, now)).toEqual([
      ...["journalctl", "-o", "short-iso", "--no-pager", "-q", "--until=@1773000000.250"],
    ]);
    expect(journalFollowArgv(source, now)).toEqual([
      ...[...head, "--follow", "--no-tail", "--since=@1773000000.250"],
    ]);
  });
});

describe("a program", () => {
  const ignore = { stdout: () => {}, stderr: () => {} };
  const never = new AbortController().signal;

  test("that fails says so in its own words", async () => {
    const argv = ["/bin/sh", "-c", "echo no such container >&2; exit 3"];
    const run = runProgram(argv, ignore, never);
    expect(run).rejects.toThrow(/" ended with status 3: no such container$/);
    await run.catch(() => {});
  });

  test("that is not there is named", async () => {
    const run = runProgram(["/no/such/program"], ignore, never);
    expect(run).rejects.toThrow(/^"\/no\/such\/program" cannot be started/);
    await run.catch(() => {});
  });

  test("is stopped with what it started when nobody can take its output", async () => {
    const full = {
      ...ignore,
      stdout: () => {
        throw new Error("the disk is full");
      },
    };
    const run = runProgram(["/bin/sh", "-c", "yes & yes"], full, never);
    expect(run).rejects.toThrow("the disk is full");
    await run.catch(() => {});
  });
});
