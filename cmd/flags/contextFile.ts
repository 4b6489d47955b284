/** The file of contexts: reads, checks and changes it. */
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { createFile, writeFileAtomically } from "../../lib/files/atomicWrite.ts";
import { parseServerAddress } from "../../lib/protocol/api/serverAddress.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { nearest } from "../../lib/protocol/nearest.ts";
import { loadRuntime } from "../../lib/runtime/load.ts";
import { usage } from "../cli/strictArgs.ts";
import { contextPath, readContextText } from "./contextText.ts";

/** How long a command waits for another one that changes the contexts. */
const lockMs = 5_000;
const lockRetryMs = 20;

const Address = v.pipe(
  v.string(),
  v.check((url) => parseServerAddress(url) !== undefined, "must be a URL"),
);
const Context = v.object({
  url: Address,
  /** The other nodes of a cluster, which are tried when this one cannot be reached. */
  others: v.optional(v.array(Address)),
  token: v.string(),
  ca: v.optional(v.string()),
  server_name: v.optional(v.string()),
});
export type Context = v.InferOutput<typeof Context>;

const ContextFile = v.object({
  /** The name of the context in use; absent for the control plane of this host. */
  current: v.optional(v.string()),
  contexts: v.record(v.string(), Context),
});
export type ContextFile = v.InferOutput<typeof ContextFile>;

/** @throws {WsctlError} USAGE if the file cannot be used */
export function readContexts(): ContextFile {
  const text = readContextText();
  return text === undefined ? { contexts: {} } : parseContexts(text);
}

/** @throws {WsctlError} USAGE */
export function parseContexts(text: string): ContextFile {
  try {
    return v.parse(ContextFile, JSON.parse(text));
  } catch (error) {
    const path = contextPath();
    throw usage(`Cannot read the contexts "${path}": ${errorText(error)}. Remove it and log in`);
  }
}

/**
 * Changes the contexts. Another command that changes them at the same time waits, so that no change
 * is lost. No other user can read the file.
 * @param change Called with the contexts as they are; what it returns is written.
 * @throws {WsctlError} USAGE
 */
export async function changeContexts(change: (file: ContextFile) => ContextFile): Promise<void> {
  const { tryLock } = await loadRuntime();
  let descriptor: number | undefined;
  try {
    write((path) => {
      descriptor = openSync(`${path}.lock`, "a", 0o600);
      const giveUpAt = performance.now() + lockMs;
      while (!tryLock(descriptor, `${path}.lock`)) {
        if (performance.now() > giveUpAt) throw new Error("another command is changing them");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lockRetryMs);
      }
    });
    const file = change(readContexts());
    write((path) => writeFileAtomically(path, format(file)));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Writes as much to the same directory as the contexts will have, and removes it again. Another
 * login may be at work in that directory.
 * @throws {WsctlError} USAGE if the contexts could not be written
 */
export function assertContextsWritable(file: ContextFile): void {
  write((path) => {
    const trial = `${path}.${process.pid}.new`;
    createFile(trial, format(file), 0o600);
    rmSync(trial);
  });
}

function format(file: ContextFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

function write(run: (path: string) => void): void {
  const path = contextPath();
  if (path === undefined) {
    throw usage("Cannot find a home directory for the contexts. Set HOME or XDG_CONFIG_HOME");
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    run(path);
  } catch (error) {
    throw usage(`Cannot write the contexts "${path}": ${errorText(error)}`);
  }
}

/** @throws {WsctlError} USAGE with the nearest name */
export function findContext(
  { contexts }: ContextFile,
  name: string,
  fault = `Unknown context "${name}"`,
): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found !== undefined) return found;
  const close = nearest(name, Object.keys(contexts));
  const advice =
    close === undefined ? 'List them with "wsctl context"' : `Did you mean "${close}"?`;
  throw usage(`${fault}. ${advice}`);
}
