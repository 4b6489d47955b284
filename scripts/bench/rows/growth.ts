import { filledStore } from "../../filledStore.ts";
import { startWsctl, type WsctlFleet } from "../hubs/wsctl.ts";
import { type Measured, measuredOf, quantile } from "../measure.ts";
import type { Row } from "../row.ts";

const agents = 100;

export const growth: Row = {
  number: 9,
  name: "growth",
  measure: "one durable request by the requests in the store: p50 in ms, one at a time",
  async run(options) {
    const sizes = options.isQuick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000, 10_000_000];
    const count = options.isQuick ? 100 : 400;
    const metrics = new Map<string, Measured>();
    const fleets: [number, WsctlFleet, number[]][] = [];
    for (const size of sizes) {
      options.say(`with ${size} requests`);
      const fleet = await startWsctl(0, { dataDir: filledStore(size) });
      await fleet.grow(agents);
      await p50(fleet, count);
      fleets.push([size, fleet, []]);
    }
    // Side by side and in turns: what the machine does meanwhile falls on all of them.
    for (let round = 0; round < options.rounds; round++) {
      for (const [, fleet, taken] of fleets) taken.push(await p50(fleet, count));
    }
    for (const [size, fleet, taken] of fleets) {
      metrics.set(`${size.toLocaleString("en")} requests`, measuredOf(taken));
      await fleet.stop();
    }
    const medians = fleets.map(([size, , taken]): [number, number] => [size, quantile(taken, 0.5)]);
    const ratio = (medians.at(-1)?.[1] ?? 0) / (medians[0]?.[1] ?? 1);
    const text = "the most against the fewest: within 10%";
    return {
      unit: "ms",
      figures: metrics,
      goals: [{ text, ratio, isMet: ratio <= 1.1 }],
      remarks: [],
      plots: [
        {
          name: "growth",
          title: "One durable request by the requests in the store",
          x: { name: "requests in the store", isLogarithmic: true },
          y: { name: "p50, ms" },
          lines: new Map([["wsctl", medians]]),
        },
      ],
    };
  },
};

async function p50(fleet: WsctlFleet, count: number): Promise<number> {
  const taken: number[] = [];
  for (let index = 0; index < count; index++) {
    const from = performance.now();
    await fleet.request(index % agents);
    taken.push(performance.now() - from);
  }
  return quantile(taken, 0.5);
}
