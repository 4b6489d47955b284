import { inRounds } from "../measure.ts";
import { residentBytes } from "../processes.ts";
import type { Plot, Row } from "../row.ts";
import { allContenders } from "./peers.ts";

const goalBytes = 6 * 1024;
/** After the last agent has connected, what is only needed for connecting is let go. */
const settleMs = 3_000;
const settleQuicklyMs = 500;

type Line = [number, number][];

export const memory: Row = {
  number: 4,
  name: "memory",
  measure:
    "memory of the hub for each idle agent, in bytes (RSS, a straight line through the counts)",
  async run(options) {
    const counts = options.isQuick ? [500, 2_000] : [1_000, 5_000, 10_000, 15_000];
    const waitMs = options.isQuick ? settleQuicklyMs : settleMs;
    const lines = new Map<string, Line>();
    const metrics = await inRounds(allContenders(options), options, async (contender) => {
      const line: Line = [];
      const fleet = await contender.start(0);
      let connected = 0;
      for (const count of counts) {
        await fleet.grow(count - connected);
        connected = count;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        line.push([count, residentBytes(fleet.hub.pid)]);
      }
      await fleet.stop();
      lines.set(contender.name, line);
      return slope(line);
    });
    const own = metrics.get("wsctl")?.median ?? Number.NaN;
    const goal = { text: "at most 6 KB", ratio: own / goalBytes, isMet: own <= goalBytes };
    const remarks = ["the goal's ratio is that of wsctl to 6 KB"];
    return { unit: "bytes", figures: metrics, goals: [goal], remarks, plots: [plotOf(lines)] };
  },
};

function plotOf(lines: ReadonlyMap<string, Line>): Plot {
  const inMb = (line: Line): Line => line.map(([agents, bytes]) => [agents, bytes / 1e6]);
  return {
    name: "memory",
    title: "Memory of the hub by idle agents, in the last round",
    x: { name: "agents" },
    y: { name: "RSS, MB" },
    lines: new Map([...lines].map(([name, line]) => [name, inMb(line)])),
  };
}

/** Of the straight line that fits the points best. */
export function slope(points: readonly [number, number][]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return over / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
