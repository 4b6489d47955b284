import { startWsctl, wsctl } from "../hubs/wsctl.ts";
import { inRounds } from "../measure.ts";
import { cpuSeconds } from "../processes.ts";
import type { Row } from "../row.ts";

const goalPercent = 8;

export const heartbeats: Row = {
  number: 5,
  name: "heartbeats",
  measure:
    "CPU of the control plane for 15,000 agents' heartbeats and status updates, in % of one core",
  async run(options) {
    const agents = options.isQuick ? 2_000 : 15_000;
    const seconds = options.isQuick ? 10 : 45;
    const metrics = await inRounds([wsctl], options, async () => {
      const fleet = await startWsctl(agents);
      // What connecting leaves to be done is over by then.
      await new Promise((resolve) => setTimeout(resolve, options.isQuick ? 3_000 : 15_000));
      const from = cpuSeconds(fleet.hub.pid);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      const used = cpuSeconds(fleet.hub.pid) - from;
      await fleet.stop();
      return (100 * used) / seconds;
    });
    const own = metrics.get("wsctl")?.median ?? Number.NaN;
    const goal = { text: "at most 8%", ratio: own / goalPercent, isMet: own <= goalPercent };
    const remarks = [
      `heartbeats every 15 s as advised, status updates every 60 s, over ${seconds} s`,
      ...(options.isQuick ? [`quick: with ${agents} agents, which the goal is not meant for`] : []),
    ];
    return { unit: "%", figures: metrics, goals: [goal], remarks };
  },
};
