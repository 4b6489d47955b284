/** Faults that a test of updates plants into a build. Other builds have none. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSegmentHeader, encodeSegmentHeader } from "../../lib/store/log/format.ts";

/** Set by `scripts/build.ts` for a build with a fault; undefined in other builds. */
declare const WSCTL_FAULT: string | undefined;

const plantedFault = typeof WSCTL_FAULT === "undefined" ? undefined : WSCTL_FAULT;

/** Called before an agent opens its journal: a build with a fault stops here. */
export async function breakIfPlanted(logDir: string): Promise<void> {
  if (plantedFault === "mute") await new Promise(() => {});
  if (plantedFault === "migrate") writeNewerFormat(logDir);
  if (plantedFault !== undefined) process.kill(process.pid, "SIGKILL");
}

/** Leaves the log as a newer version would, which this one cannot read. */
export function writeNewerFormat(logDir: string): void {
  if (!existsSync(logDir)) return;
  for (const name of readdirSync(logDir).filter((each) => each.endsWith(".log"))) {
    const bytes = readFileSync(join(logDir, name));
    const header = decodeSegmentHeader(bytes);
    if (header === undefined) continue;
    bytes.set(encodeSegmentHeader({ ...header, version: 1000 }));
    writeFileSync(join(logDir, name), bytes);
  }
}
