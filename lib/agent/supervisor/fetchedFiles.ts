/** Has another program fetch the files that a program gets as parameters. */
import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { errorText } from "../../protocol/errors.ts";
import type { PipedProcess } from "../../runtime/runtime.ts";
import type { Helper, SupervisedRun } from "./runFiles.ts";

export interface FetchingOptions {
  /** The user id of the program, if it is another user than that of the agent. */
  owner: number | undefined;
  /** Ends the program that fetches. */
  signal: AbortSignal;
  spawn(helper: Helper): PipedProcess;
}

/**
 * Fetches the files into a new directory, which then belongs to the user of the program.
 * @returns the reason if they cannot be fetched
 */
export async function fetchFiles(
  fetching: NonNullable<SupervisedRun["fetching"]>,
  { owner, signal, spawn }: FetchingOptions,
): Promise<string | undefined> {
  const { dir } = fetching;
  try {
    mkdirSync(dir, { mode: 0o700 });
    const { child, stdout, stderr } = spawn(fetching);
    const exited = new Promise((resolve, reject) => {
      child.once("exit", resolve);
      child.once("error", reject);
    });
    const kill = () => void child.kill("SIGKILL");
    if (signal.aborted) kill();
    else signal.addEventListener("abort", kill, { once: true });
    const [complaint, code] = await Promise.all([text(stderr), exited, text(stdout)]);
    signal.removeEventListener("abort", kill);
    if (code !== 0) return complaint.trim() || "the program that fetches the files was killed";
    if (owner !== undefined) handOver(dir, owner);
    return undefined;
  } catch (error) {
    return `cannot fetch files into "${dir}": ${errorText(error)}`;
  }
}

/** The directory comes last: until then only root can change what is in it. */
function handOver(dir: string, owner: number): void {
  for (const entry of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    chownSync(join(dir, entry), owner, -1);
  }
  chownSync(dir, owner, -1);
}
