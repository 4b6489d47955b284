import { spawn } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startWsctl, wsctlCommand } from "../hubs/wsctl.ts";
import { type Measured, measuredOf } from "../measure.ts";
import { residentBytes, start } from "../processes.ts";
import { atLeast, type Row } from "../row.ts";

const line = "a line of the kind that programs write, with a number in it: 1234567890";
const here = (name: string) => new URL(`../hubs/${name}`, import.meta.url).pathname;

export const liveOutput: Row = {
  number: 10,
  name: "live-output",
  measure: "live output: MB/s of lines from one child to a file at the operator",
  async run(options) {
    const megabytes = options.isQuick ? 20 : 200;
    const dir = mkdtempSync(join(tmpdir(), "wsctl-bench-"));
    const lines = Math.round((megabytes * 1e6) / (line.length + 1));
    const command = ["sh", "-c", `yes '${line}' | head -n ${lines}`];
    const file = join(dir, "output");
    const fleet = await startWsctl(0, { dataDir: dir });
    mkdirSync(join(dir, "commands"));
    const manifest = ['description = "writes many lines"', `argv = ${JSON.stringify(command)}`];
    writeFileSync(join(dir, "commands", "flood.toml"), `${manifest.join("\n")}\n`, { mode: 0o600 });
    const commands = ["--commands-dir", join(dir, "commands")];
    const agent = start([...wsctlCommand, "agent", "--id", "x", "--data-dir", dir, ...commands]);
    await agent.says(/connected/);
    const send = [
      ...wsctlCommand,
      "send",
      "flood",
      "--agent",
      "x",
      "--stream-output",
      "--data-dir",
      dir,
    ];
    const own: number[] = [];
    const bare: number[] = [];
    const most = { operator: 0, "control plane": 0, agent: 0 };
    const watch = (pid: number) => {
      const pids = { operator: pid, "control plane": fleet.hub.pid, agent: agent.pid };
      for (const [name, each] of Object.entries(pids)) {
        const key = name as keyof typeof most;
        most[key] = Math.max(most[key], residentBytes(each));
      }
    };
    for (let round = 0; round < options.rounds; round++) {
      own.push(await rateOf(send, file, watch));
      bare.push(await rateOf([process.execPath, here("pipe.ts"), ...command], file, () => {}));
    }
    await agent.stop();
    await fleet.stop();
    rmSync(dir, { recursive: true, force: true });
    const metrics = new Map<string, Measured>([
      ["wsctl", measuredOf(own)],
      ["a pipe through one WebSocket", measuredOf(bare)],
    ]);
    const memory = Object.entries(most).map(
      ([name, bytes]) => `${name} ${Math.round(bytes / 1e6)} MB`,
    );
    return {
      unit: "MB/s",
      figures: metrics,
      goals: atLeast(metrics, 0.5, "a pipe through one WebSocket"),
      remarks: [`${megabytes} MB a round; most memory at any moment: ${memory.join(", ")}`],
    };
  },
};

/** How fast what a command writes gets into a file; looked at from time to time. */
async function rateOf(
  command: string[],
  path: string,
  watch: (pid: number) => void,
): Promise<number> {
  const [file = "", ...args] = command;
  const fd = openSync(path, "w");
  const from = performance.now();
  const child = spawn(file, args, { stdio: ["ignore", fd, "inherit"] });
  const timer = setInterval(() => watch(child.pid ?? 0), 200);
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  closeSync(fd);
  if (status !== 0) throw new Error(`${file} ended with ${status}`);
  return statSync(path).size / 1e6 / ((performance.now() - from) / 1000);
}
