/** What tests see of the programs that agents run. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { AgentDetail, Capability } from "../../../lib/protocol/api/views.ts";
import { wsctl } from "./processes.ts";

/** Whether a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    if (!/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return true;
    // A zombie has ended, its parent has not looked yet; but its files are locked until the last of
    // its threads has let go of them.
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Until a process has ended. */
export async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (!isAlive(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} still runs`);
}

/** Waits for a line that a program writes into a file of its own. */
export async function written(path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    if (existsSync(path)) {
      const text = readFileSync(path, "utf8");
      if (text.endsWith("\n")) return text.trim();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing was written to ${path}`);
}

/** Waits until the control plane knows a command of an agent, such as one that was just written. */
export async function announced(
  dataDir: string,
  agent: string,
  command: string,
  fits: (entry: Capability) => boolean = () => true,
): Promise<void> {
  let text = "";
  for (let tries = 0; tries < 150; tries++) {
    const { stdout } = await wsctl(["agents", "show", agent, "--json", "--data-dir", dataDir]);
    text = stdout;
    const { commands = [] } = JSON.parse(text) as AgentDetail;
    if (commands.some((entry) => entry.name === command && fits(entry))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`"${command}" was not announced: ${text}`);
}
