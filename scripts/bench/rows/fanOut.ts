import { inRounds } from "../measure.ts";
import { atMost, type Row } from "../row.ts";
import { allContenders } from "./peers.ts";

export const fanOut: Row = {
  number: 3,
  name: "fan-out",
  measure: "one job to 10,000 agents, all outcomes durable: ms from asking to the last outcome",
  async run(options) {
    const agents = options.isQuick ? 1_000 : 10_000;
    const metrics = await inRounds(allContenders(options), options, async (contender) => {
      const fleet = await contender.start(agents);
      try {
        for (let time = 0; time < 2; time++) await fleet.fanOut();
        const from = performance.now();
        await fleet.fanOut();
        return performance.now() - from;
      } finally {
        await fleet.stop();
      }
    });
    const goals = [...atMost(metrics, 2.5, "limit"), ...atMost(metrics, 0.7, "NATS core")];
    const remarks = options.isQuick ? ["quick: with 1,000 agents"] : [];
    return { unit: "ms", figures: metrics, goals, remarks };
  },
};
