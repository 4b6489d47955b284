import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contender, Fleet } from "../contenders.ts";
import { bullMq } from "../hubs/bullMq.ts";
import { jetStream } from "../hubs/jetStream.ts";
import { wsctl } from "../hubs/wsctl.ts";
import { wsctlSession } from "../hubs/wsctlSession.ts";
import { inRounds, quantile } from "../measure.ts";
import { atLeast, atMost, type Row, type RowOptions } from "../row.ts";
import { allContenders, takingPart } from "./peers.ts";

const agents = 100;

/** Asks without a pause, so many at a time; gives how many a second were answered. */
async function rate(fleet: Fleet, count: number, atOnce: number): Promise<number> {
  let left = count;
  let next = 0;
  const from = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await fleet.request(next++ % agents);
    }),
  );
  return (count / (performance.now() - from)) * 1000;
}

async function withFleet<T>(
  contender: Contender,
  { isQuick }: RowOptions,
  use: (fleet: Fleet) => Promise<T>,
): Promise<T> {
  const fleet = await contender.start(agents);
  try {
    // A runtime goes on compiling what is run often for some ten thousand requests.
    await rate(fleet, isQuick ? 1_000 : 12_000, 64);
    return await use(fleet);
  } finally {
    await fleet.stop();
  }
}

/** Of what a commit writes, in place, as a log is written. */
function fsyncMs(): number {
  const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
  const fd = openSync(join(dir, "file"), "w");
  const bytes = Buffer.alloc(40 * 1024);
  const taken = Array.from({ length: 500 }, () => {
    const from = performance.now();
    writeSync(fd, bytes, 0, bytes.length, 0);
    fsyncSync(fd);
    return performance.now() - from;
  });
  closeSync(fd);
  rmSync(dir, { recursive: true });
  return quantile(taken, 0.5);
}

export const throughput: Row = {
  number: 1,
  name: "throughput",
  measure: "requests/s, 64 at a time over 100 agents, durable",
  async run(options) {
    const count = options.isQuick ? 4_000 : 20_000;
    const contenders = [...allContenders(options), wsctlSession];
    const metrics = await inRounds(contenders, options, (contender) =>
      withFleet(contender, options, (fleet) => rate(fleet, count, 64)),
    );
    const { name } = wsctlSession;
    const goals = [
      ...atLeast(metrics, 0.7, "NATS core"),
      ...[...atLeast(metrics, 1.0, "NATS core", name), ...atLeast(metrics, 0.45, "limit", name)],
    ];
    return { unit: "requests/s", figures: metrics, goals, remarks: [] };
  },
};

export const latency: Row = {
  number: 2,
  name: "latency",
  measure: "p50 of one request at a time, durable, in ms",
  async run(options) {
    const count = options.isQuick ? 300 : 2_000;
    const tails = new Map<string, number[]>();
    const metrics = await inRounds(allContenders(options), options, (contender) =>
      withFleet(contender, options, async (fleet) => {
        const took: number[] = [];
        for (let index = 0; index < count; index++) {
          const from = performance.now();
          await fleet.request(index % agents);
          took.push(performance.now() - from);
        }
        const tail = tails.get(contender.name) ?? [];
        tails.set(contender.name, [...tail, quantile(took, 0.99)]);
        return quantile(took, 0.5);
      }),
    );
    const own = quantile(tails.get("wsctl") ?? [], 0.5);
    const p50 = metrics.get("wsctl")?.median ?? Number.NaN;
    const fsync = fsyncMs();
    const most = 4 * p50 + 2 * fsync;
    const tail = {
      text: "p99 at most 4 × p50 and two fsyncs",
      ratio: own / most,
      isMet: own <= most,
    };
    return {
      unit: "ms",
      figures: metrics,
      goals: [...atMost(metrics, 2.2, "NATS core"), tail],
      remarks: [
        `p99 of wsctl: ${own.toFixed(2)} ms, ${(own / p50).toFixed(1)} × its p50`,
        `one fsync of 40 KB on this machine: p50 ${fsync.toFixed(2)} ms; a request waits for two`,
      ],
    };
  },
};

export const durablePeers: Row = {
  number: 14,
  name: "durable-peers",
  measure: "requests/s, 64 at a time over 100 agents, beside others that store what they accept",
  async run(options) {
    const count = options.isQuick ? 2_000 : 10_000;
    const contenders = takingPart([wsctl, jetStream, bullMq], options);
    const metrics = await inRounds(contenders, options, (contender) =>
      withFleet(contender, options, (fleet) => rate(fleet, count, 64)),
    );
    return {
      unit: "requests/s",
      figures: metrics,
      goals: [...atLeast(metrics, 1.5, jetStream.name), ...atLeast(metrics, 4, bullMq.name)],
      remarks: [
        "wsctl and Redis sync before they acknowledge; JetStream acknowledges before, as it does by default",
      ],
    };
  },
};
