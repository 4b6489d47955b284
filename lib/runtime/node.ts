/**
 * Node.js, for the library: agents and clients inside other programs. The command line and control
 * planes run on Bun and Deno. Imported only by `load.ts`, and only under Node.js.
 */
import { spawn } from "node:child_process";
import { fstatSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { WsctlError } from "../protocol/errors.ts";
import { requestWithNode } from "./node/request.ts";
import { connectWith, nodeParts } from "./nodeParts.ts";
import { outgoingFetch } from "./outgoing.ts";
import type { Runtime } from "./runtime.ts";

function fetchWith(trust: Parameters<Runtime["fetchWith"]>[0]): typeof fetch {
  const isPlain = trust.ca === undefined && trust.serverName === undefined;
  return outgoingFetch((input, init, proxy) => {
    if (isPlain && proxy === undefined) return fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    return requestWithNode(url, init ?? {}, trust, proxy);
  });
}

/** The lock files that this process holds, by their paths. */
const held = new Map<string, number>();

/** Node.js cannot call flock(2): the file names the process that holds it. */
function tryLock(fd: number, path: string): boolean {
  const owner = Number(readFileSync(path, "utf8"));
  const isTaken = owner === process.pid ? isOpen(path) : owner > 0 && isAlive(owner);
  if (isTaken) return false;
  writeFileSync(path, `${process.pid}`);
  held.set(path, fd);
  return true;
}

/** Whether this process still has the file open. */
function isOpen(path: string): boolean {
  const fd = held.get(path);
  if (fd === undefined) return false;
  try {
    return fstatSync(fd).ino === statSync(path).ino;
  } catch {
    // The descriptor is closed: the lock was released.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function unsupported(): never {
  throw new WsctlError("INTERNAL", "Not supported on Node.js. Use Bun, Deno or the wsctl binary");
}

export const runtime: Runtime = {
  ...nodeParts,
  connect: connectWith(fetchWith),
  fetchWith,
  spawnPiped(file, args, { cwd, env, stdin }) {
    const child = spawn(file, args, { cwd, env, detached: true });
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    return { child, stdout: child.stdout, stderr: child.stderr };
  },
  // Node.js collects its own children.
  reap: () => {},
  self: () => [process.execPath, ...process.argv.slice(1, 2)],
  program: () => undefined,
  tryLock,
  reexec: unsupported,
};
