/** The only place that detects the runtime. */
import type { Runtime } from "./runtime.ts";

const isDeno = "Deno" in globalThis;

/** Returns the name and version of the runtime. */
export function formatRuntime(): string {
  const { bun, deno } = process.versions;
  return isDeno ? `deno ${deno}` : `bun ${bun}`;
}

export async function loadRuntime(): Promise<Runtime> {
  const chosen = isDeno ? await import("./deno.ts") : await import("./bun.ts");
  return chosen.runtime;
}
