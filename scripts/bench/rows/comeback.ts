import { startWsctl, type WsctlFleet, wsctl } from "../hubs/wsctl.ts";
import { inRounds, type Measured, quantile } from "../measure.ts";
import type { Goal, Row } from "../row.ts";

const everyMs = 50;
/** With its next heartbeat each agent is advised how many they are by now. */
const advisedMs = 16_000;

export const comeback: Row = {
  number: 6,
  name: "comeback",
  measure:
    "10,000 agents back after kill -9 of the control plane: s from its new start to the last",
  async run(options) {
    const agents = options.isQuick ? 1_000 : 10_000;
    const metrics = new Map<string, Measured>();
    const goals: Goal[] = [];
    const remarks: string[] = [];
    for (const [name, isTls, seconds] of [
      ["plain", false, 12],
      ["TLS", true, 25],
    ] as const) {
      const p99s: number[] = [];
      let cutOff = 0;
      const taken = await inRounds([wsctl], options, async () => {
        const fleet = await startWsctl(agents, { isTls });
        try {
          if (!options.isQuick) await new Promise((resolve) => setTimeout(resolve, advisedMs));
          const { backSeconds, p99, failed } = await restarted(fleet, agents);
          p99s.push(p99);
          cutOff += failed;
          return backSeconds;
        } finally {
          await fleet.stop();
        }
      });
      const own = taken.get("wsctl");
      if (own === undefined) continue;
      metrics.set(`wsctl, ${name}`, own);
      const p99 = quantile(p99s, 0.5);
      const back = own.median / seconds;
      goals.push({ text: `${name}: at most ${seconds} s`, ratio: back, isMet: back <= 1 });
      const text = `${name}: p99 of an operator's calls meanwhile at most 1 s, and none cut off`;
      goals.push({ text, ratio: p99 / 1000, isMet: p99 <= 1000 && cutOff === 0 });
      const calls = `p99 of an operator's calls meanwhile ${Math.round(p99)} ms`;
      remarks.push(`${name}: ${calls}, ${cutOff} cut off in all rounds`);
    }
    remarks.push("a job to every agent was under way at the kill: each request has one outcome");
    const settled = "the fleet has stood for a heartbeat: each agent knows how large it is";
    remarks.push(options.isQuick ? "quick: with 1,000 agents, as soon as they are there" : settled);
    return { unit: "s", figures: metrics, goals, remarks };
  },
};

interface Restarted {
  backSeconds: number;
  p99: number;
  /** Calls that were cut off. */
  failed: number;
}

/** A job is accepted, its control plane killed and started again; operators go on asking. */
async function restarted(fleet: WsctlFleet, agents: number): Promise<Restarted> {
  const order = { command: "ping", target: { all: true }, max_agents: agents };
  const accepted = fleet.post("/api/v1/jobs", order).catch(() => "");
  const isAccepted = async () => {
    const { items } = JSON.parse(await fleet.get("/api/v1/jobs?limit=1"));
    return items.length > 0 ? (items[0].job_id as string) : undefined;
  };
  let jobId = await isAccepted();
  while (jobId === undefined) jobId = await isAccepted();
  await Promise.all([fleet.restart(), accepted]);
  const from = performance.now();
  let isBack = false;
  const whole = fleet.whole().then(() => {
    isBack = true;
  });
  const calls: number[] = [];
  let failed = 0;
  while (!isBack) {
    const begun = performance.now();
    await fleet.get("/api/v1/jobs?limit=10").catch(() => failed++);
    calls.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await whole;
  const backSeconds = (performance.now() - from) / 1000;
  const outcomes = await fleet.get(`/api/v1/jobs/${jobId}/outcomes`);
  const ended = outcomes.split("\n").filter((line) => line.includes('"outcome":"success"'));
  if (ended.length !== agents) throw new Error(`${ended.length} of ${agents} succeeded`);
  return { backSeconds, p99: quantile(calls, 0.99), failed };
}
