import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compiled } from "../compiled.ts";
import { measuredOf, quantile } from "../measure.ts";
import { start } from "../processes.ts";
import type { Row } from "../row.ts";

const binary = new URL("../../../dist/wsctl", import.meta.url).pathname;

export const starts: Row = {
  number: 8,
  name: "starts",
  measure: "whole processes, in ms: wsctl version, and wsctl send ping --agent x",
  async run(options) {
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const line = compiled(dir, 'console.log("0.1.0");');
    const serve = start([binary, "serve", "--port", "0", "--data-dir", dir]);
    await serve.says(/serving on/);
    const agent = start([binary, "agent", "--id", "x", "--data-dir", dir]);
    await agent.says(/connected/);
    const commands: Record<string, string[]> = {
      "a compiled line": [line],
      "wsctl version": [binary, "version"],
      "wsctl send ping": [binary, "send", "ping", "--agent", "x", "--data-dir", dir],
    };
    const count = options.isQuick ? 10 : 40;
    const took = new Map<string, number[]>(Object.keys(commands).map((name) => [name, []]));
    for (let round = 0; round < count; round++) {
      for (const [name, [file = "", ...args]] of Object.entries(commands)) {
        const from = performance.now();
        const { status, stderr } = spawnSync(file, args);
        if (status !== 0) throw new Error(`${name}: ${stderr}`);
        took.get(name)?.push(performance.now() - from);
      }
    }
    await agent.stop();
    await serve.stop();
    rmSync(dir, { recursive: true, force: true });
    const metrics = new Map([...took].map(([name, values]) => [name, measuredOf(values)]));
    const bare = quantile(took.get("a compiled line") ?? [], 0.5);
    const ratioOf = (name: string) => quantile(took.get(name) ?? [], 0.5) / bare;
    const goal = (name: string, most: number) => {
      const ratio = ratioOf(name);
      return { text: `${name}: at most ${most} × a compiled line`, ratio, isMet: ratio <= most };
    };
    const goals = [goal("wsctl version", 1.8), goal("wsctl send ping", 3)];
    return { unit: "ms", figures: metrics, goals, remarks: [] };
  },
};
