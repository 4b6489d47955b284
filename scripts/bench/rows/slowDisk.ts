/** What the event loop does while the disk is slow: only the answer to a job waits for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "../../../lib/protocol/wire/codec.ts";
import { build } from "../../build.ts";
import { startWsctl, type WsctlFleet } from "../hubs/wsctl.ts";
import { measuredOf, quantile } from "../measure.ts";
import type { Row } from "../row.ts";

const syncMs = 50;
const agents = 20;
const goalMs = 20;

export const slowDisk: Row = {
  number: 13,
  name: "slow-disk",
  measure: `p99 in ms while each sync of the disk takes ${syncMs} ms longer, and jobs are sent`,
  async run(options) {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    // Only a build for tests has a disk that can be made slow.
    const outfile = join(dir, "wsctl");
    await build({ outfile, isTestBuild: true });
    const seconds = options.isQuick ? 3 : 10;
    const figures = new Map<string, number[]>();
    const add = (name: string, values: number[]) => {
      figures.set(name, [...(figures.get(name) ?? []), quantile(values, 0.99)]);
    };
    const remarks: string[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const env = { WSCTL_SYNC_DELAY_MS: `${syncMs}` };
      const fleet = await startWsctl(0, { command: [outfile], env });
      await fleet.grow(agents);
      const until = performance.now() + seconds * 1_000;
      const timed = async (run: () => Promise<unknown>, restMs: number) => {
        const took: number[] = [];
        while (performance.now() < until) {
          const from = performance.now();
          await run();
          took.push(performance.now() - from);
          await new Promise((resolve) => setTimeout(resolve, restMs));
        }
        return took;
      };
      let next = 0;
      const jobs = Array.from({ length: 8 }, () => {
        return timed(() => fleet.request(next++ % agents), 0);
      });
      const beat = await beating(fleet);
      const [list, beats, ...sent] = await Promise.all([
        timed(() => fleet.get("/api/v1/jobs?limit=20"), 10),
        timed(beat, 10),
        ...jobs,
      ]);
      add("a list of jobs", list);
      add("a heartbeat", beats);
      const all = sent.flat();
      const p50 = quantile(all, 0.5).toFixed(0);
      remarks.push(`${Math.round(all.length / seconds)} jobs/s, 8 at a time, p50 ${p50} ms`);
      await fleet.stop();
    }
    rmSync(dir, { recursive: true, force: true });
    const metrics = new Map([...figures].map(([name, rounds]) => [name, measuredOf(rounds)]));
    const goals = [...metrics].map(([name, { median }]) => {
      const text = `${name}: at most ${goalMs} ms`;
      return { text, ratio: median / goalMs, isMet: median <= goalMs };
    });
    return { unit: "ms", figures: metrics, goals, remarks };
  },
};

/** Connects an agent of the standard. Returns a function that waits until its heartbeat is read. */
async function beating({ url, post }: WsctlFleet): Promise<() => Promise<unknown>> {
  const made = await post("/api/v1/tokens", { role: "agent", agent_id: "beating" });
  const { token } = JSON.parse(made) as { token: string };
  const socket = new WebSocket(`${url.replace("http", "ws")}/agent`, {
    headers: { Authorization: `Bearer ${token}` },
  } as Bun.WebSocketOptions);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return () => {
    // A heartbeat has no answer; the ping behind it is answered after it.
    const read = new Promise((resolve) => socket.addEventListener("pong", resolve, { once: true }));
    socket.send(encode({ type: "heartbeat", payload: {} }, Date.now()));
    socket.ping();
    return read;
  };
}
