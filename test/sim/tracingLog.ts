/** The log of a process: it goes into the trace, and tells what its process has met. */
import type { Log } from "../../lib/log/log.ts";
import type { World } from "./world.ts";

export function tracingLog(name: string, world: Pick<World, "met" | "trace">): Log {
  const write = (level: string) => (line: string) => {
    const text = `${name} ${level}: ${line}`;
    if (text.includes("replaced an older connection")) world.met("takeover");
    if (text.includes("no heartbeat")) world.met("silent agent noticed");
    if (text.includes("1006: silent")) world.met("silent control plane noticed");
    if (text.includes("4413")) world.met("slow reader closed");
    if (text.includes("another agent")) world.met("impostor refused");
    if (text.includes("cannot be written") || text.includes("Cannot write")) {
      world.met("journal failed");
    }
    world.trace(text);
  };
  return { error: write("error"), warn: write("warn"), info: () => {}, debug: () => {} };
}
