import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { filledStore } from "../../filledStore.ts";
import { startWsctl, type WsctlFleet } from "../hubs/wsctl.ts";
import { type Measured, measuredOf, quantile } from "../measure.ts";
import type { Goal, Row } from "../row.ts";

const agents = 100;
const startMsMax = 1_000;
const requestBytesMax = 400;

/** A control plane with a filled store, and the milliseconds that each measure took. */
interface Grown {
  size: number;
  fleet: WsctlFleet;
  bytesPerRequest: number;
  taken: Record<Measure, number[]>;
}

type Measure = "request" | "list" | "search" | "start";

const goals: Partial<Record<Measure, number>> = { request: 1.1, list: 1.3, search: 1.3 };

const named: Record<Measure, string> = {
  request: "one request",
  list: "first page of a list",
  search: "a search of three words",
  start: "start after kill -9",
};

export const growth: Row = {
  number: 9,
  name: "growth",
  measure:
    "cost by the requests in the store: ms of one durable request, a list, a search, a start",
  async run(options) {
    const sizes = options.isQuick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000, 10_000_000];
    const count = options.isQuick ? 100 : 400;
    const all: Grown[] = [];
    for (const size of sizes) {
      options.say(`with ${size} requests`);
      const grown = await start(size);
      await take.request(grown.fleet, count);
      all.push(grown);
    }
    // Side by side and in turns: what the machine does meanwhile falls on all of them.
    for (let round = 0; round < options.rounds; round++) {
      for (const { fleet, taken } of all) {
        for (const measure of Object.keys(take) as Measure[]) {
          taken[measure].push(await take[measure](fleet, count));
        }
      }
    }
    for (const { fleet } of all) await fleet.stop();
    const medians = (measure: Measure) =>
      all.map(({ size, taken }): [number, number] => [size, quantile(taken[measure], 0.5)]);
    const figures = new Map<string, Measured>();
    for (const measure of Object.keys(take) as Measure[]) {
      for (const { size, taken } of all) {
        figures.set(
          `${named[measure]}, ${size.toLocaleString("en")} requests`,
          measuredOf(taken[measure]),
        );
      }
    }
    const largest = all.at(-1);
    const startMs = quantile(largest?.taken.start ?? [], 0.5);
    const bytes = largest?.bytesPerRequest ?? 0;
    return {
      unit: "ms",
      figures,
      goals: [
        ...Object.entries(goals).map(([measure, factor]) =>
          grewBy(medians(measure as Measure), factor, named[measure as Measure]),
        ),
        { text: "start of the largest within 1 s", ...atMost(startMs / startMsMax) },
        { text: "at most 0.4 KB for a request on disk", ...atMost(bytes / requestBytesMax) },
      ],
      remarks: [
        `bytes on disk for a request, log and index: ${all
          .map(({ size, bytesPerRequest }) => `${bytesPerRequest} (${size.toLocaleString("en")})`)
          .join(", ")}`,
      ],
      plots: [
        {
          name: "growth",
          title: "One durable request by the requests in the store",
          x: { name: "requests in the store", isLogarithmic: true },
          y: { name: "p50, ms" },
          lines: new Map([["wsctl", medians("request")]]),
        },
      ],
    };
  },
};

async function start(size: number): Promise<Grown> {
  const dataDir = filledStore(size);
  const bytesPerRequest = Math.round((await bytesBelow(dataDir)) / size);
  const fleet = await startWsctl(0, { dataDir });
  await fleet.grow(agents);
  const taken = { request: [], list: [], search: [], start: [] };
  return { size, fleet, bytesPerRequest, taken };
}

const take: Record<Measure, (fleet: WsctlFleet, count: number) => Promise<number>> = {
  request: (fleet, count) => p50(count, (index) => fleet.request(index % agents)),
  list: (fleet, count) => p50(count / 10, () => fleet.get("/api/v1/jobs")),
  search: (fleet, count) => p50(count / 10, () => fleet.get("/api/v1/jobs?search=no+space+3")),
  async start(fleet) {
    const ms = await p50(1, () => fleet.restart());
    await fleet.whole();
    return ms;
  },
};

async function p50(count: number, run: (index: number) => Promise<unknown>): Promise<number> {
  const taken: number[] = [];
  for (let index = 0; index < count; index++) {
    const from = performance.now();
    await run(index);
    taken.push(performance.now() - from);
  }
  return quantile(taken, 0.5);
}

function grewBy(medians: readonly [number, number][], factor: number, what: string): Goal {
  const ratio = (medians.at(-1)?.[1] ?? 0) / (medians[0]?.[1] ?? 1);
  const text = `${what}: the most against the fewest, at most ${factor} ×`;
  return { text, ratio, isMet: ratio <= factor };
}

const atMost = (ratio: number) => ({ ratio, isMet: ratio <= 1 });

async function bytesBelow(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}
