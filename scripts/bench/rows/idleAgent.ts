import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../compiled.ts";
import { startWsctl, wsctlCommand } from "../hubs/wsctl.ts";
import { type Measured, measuredOf } from "../measure.ts";
import { cpuSeconds, residentBytes, start } from "../processes.ts";
import type { Row } from "../row.ts";

const settleMs = 5_000;
const settleQuicklyMs = 1_500;
const goalPercent = 0.1;

export const idleAgent: Row = {
  number: 7,
  name: "idle-agent",
  measure: "an idle agent: RSS in MB, beside a compiled program of one line that keeps a WebSocket",
  async run(options) {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const fleet = await startWsctl(0, { dataDir: dir });
    const code = 'new WebSocket(process.argv[2] ?? "").onopen = () => console.log("open");';
    const line = compiled(dir, code);
    const hub = start([process.execPath, new URL("../hubs/limitHub.ts", import.meta.url).pathname]);
    const [, port = ""] = await hub.says(/port (\d+)/);
    const waitMs = options.isQuick ? settleQuicklyMs : settleMs;
    const idle = async (command: string[], said: RegExp) => {
      const running = start(command);
      await running.says(said);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      return running;
    };
    const agent = (id: string) =>
      idle([...wsctlCommand, "agent", "--id", id, "--data-dir", dir], /connected/);
    const own: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const [taken, started] of [
        [own, () => agent(`idle-${round}`)],
        [bare, () => idle([line, `ws://127.0.0.1:${port}/idle`], /open/)],
      ] as const) {
        const running = await started();
        taken.push(residentBytes(running.pid) / 1e6);
        await running.stop();
      }
    }
    const seconds = options.isQuick ? 10 : 600;
    const resting = await agent("resting");
    const from = cpuSeconds(resting.pid);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const percent = (100 * (cpuSeconds(resting.pid) - from)) / seconds;
    for (const each of [resting, hub]) await each.stop();
    await fleet.stop();
    rmSync(dir, { recursive: true, force: true });
    const metrics = new Map<string, Measured>([
      ["wsctl agent", measuredOf(own)],
      ["one line", measuredOf(bare)],
    ]);
    const ratio = measuredOf(own).median / measuredOf(bare).median;
    const cpu = `CPU at most ${goalPercent}% of one core over ${seconds} s`;
    return {
      unit: "MB",
      figures: metrics,
      goals: [
        { text: "at most 1.4 × one line", ratio, isMet: ratio <= 1.4 },
        { text: cpu, ratio: percent / goalPercent, isMet: percent <= goalPercent },
      ],
      remarks: [`CPU of the agent: ${percent.toFixed(3)}% of one core over ${seconds} s`],
    };
  },
};
