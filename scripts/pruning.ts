/**
 * `bun scripts/pruning.ts [REQUESTS] [DIR]`: what operators notice while old jobs go. Fills a store
 * with so many old requests (a million where nothing is said), starts `dist/wsctl serve` on it, and
 * prints how long orders and lists take while they are let go and once they are gone.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ControlWrite } from "../lib/control/core/model.ts";
import { openJournal, writesOf } from "../test/support/fixtures/filledJournal.ts";
import { Running, wsctlCommand } from "../test/support/processes/processes.ts";

const requests = Number(process.argv[2] ?? 1_000_000);
const dir = mkdtempSync(join(process.argv[3] ?? tmpdir(), "wsctl-pruning-"));
const dayMs = 24 * 60 * 60 * 1000;
const everyMs = 20;
/** More would not find room in the queue of one agent. */
const ordersMax = 9_000;

function fill(): void {
  const journal = openJournal(dir);
  const start = Date.now() - 100 * dayMs;
  const success = () => ({ outcome: "success" as const, message: "pong after a while" });
  journal.commitNow([{ type: "putAgent", facts: { agentId: "agent-0" } }]);
  let writes: ControlWrite[] = [];
  for (let index = 0; index < requests; index++) {
    const agents = [`agent-${index % 500}`];
    const { asked, ended } = writesOf({ agents, createdAt: start + index, ending: success });
    writes.push(...asked, ...ended);
    if (writes.length < 8_000 && index < requests - 1) continue;
    journal.commitNow(writes);
    writes = [];
    while (journal.upkeep.indexHistory());
  }
  journal.close();
}

let orders = 0;

/** Orders and lists by turns, in a steady rhythm, until it is over; each as long as it took. */
async function measure(url: string, isOver: () => boolean): Promise<number[]> {
  const { token } = JSON.parse(readFileSync(join(dir, "local.json"), "utf8"));
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const order = { command: "ping", target: { agents: ["agent-0"] } };
  const post = { method: "POST", headers, body: JSON.stringify(order) };
  const taken: number[] = [];
  while (!isOver()) {
    const begun = performance.now();
    const isOrder = taken.length % 2 === 0 && orders++ < ordersMax;
    const response = await fetch(`${url}/api/v1/jobs`, isOrder ? post : { headers });
    await response.text();
    if (!response.ok) throw new Error(`answered by ${response.status}`);
    taken.push(performance.now() - begun);
    const restMs = begun + everyMs - performance.now();
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return taken;
}

function say(what: string, taken: number[]): void {
  const sorted = [...taken].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
  const most = (sorted.at(-1) ?? 0).toFixed(1);
  console.log(
    `${what}: ${taken.length} calls, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${most} at most`,
  );
}

try {
  fill();
  const begun = performance.now();
  const serve = ["serve", "--port", "0", "--data-dir", dir];
  await using serving = new Running([...wsctlCommand("binary"), ...serve]);
  const [, url = ""] = await serving.logged(/serving on (\S+)/);
  const isGone = () => serving.lines.some((line) => line.includes("jobs pruned"));
  say("while old jobs go", await measure(url, isGone));
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`${requests} requests were gone after ${seconds} s`);
  const until = performance.now() + 20_000;
  say("once they are gone", await measure(url, () => performance.now() > until));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
