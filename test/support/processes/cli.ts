/** What tests of the command line share. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Finished } from "./processes.ts";

/** A port of this host on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An answer in JSON, one object a line and nothing else. */
export function jsonLines<T>({ stdout }: Finished): T[] {
  expect(stdout).toEndWith("\n");
  return stdout
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

/** That it failed with this status, said why on stderr in one line, and answered nothing. */
export function expectRefusal(finished: Finished, code: number, pattern: RegExp): void {
  expect({ code: finished.code, stdout: finished.stdout }).toEqual({ code, stdout: "" });
  expect(finished.stderr).toMatch(pattern);
  expect(finished.stderr).toStartWith("wsctl: ");
  expect(finished.stderr.trim().split("\n")).toHaveLength(1);
}

export function adminToken(dataDir: string): string {
  return JSON.parse(readFileSync(join(`${dataDir}`, "local.json"), "utf8")).token;
}
