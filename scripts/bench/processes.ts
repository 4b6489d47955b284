/** Processes of a bench: each fresh for its round, on loopback, ended by its id. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const running = new Set<ChildProcess>();

/** Nothing that was started goes on; for an end before its time. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

export interface Running {
  pid: number;
  /** The first line that matches; throws when the process ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  send(line: string): void;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export function start(command: string[], env: Record<string, string> = {}): Running {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  let text = "";
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const run of waiting) run();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      wake();
    });
  }
  const ended = new Promise<void>((resolve) =>
    child.once("close", () => {
      running.delete(child);
      resolve();
      wake();
    }),
  );
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  return {
    pid: child.pid ?? 0,
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) {
          text = text.slice(match.index + match[0].length);
          return match;
        }
        if (isOver) throw new Error(`${file} ended before it said ${pattern}:\n${text}`);
        await new Promise<void>((resolve) => {
          const run = () => {
            waiting.delete(run);
            resolve();
          };
          waiting.add(run);
        });
      }
    },
    send: (line) => void child.stdin.write(`${line}\n`),
    async stop(signal = "SIGKILL") {
      if (!isOver) child.kill(signal);
      await ended;
    },
  };
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes = "0"] =
    /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** CPU time that a process has used, in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
