/** The only place that asks which runtime this is. */
import type { Runtime } from "./runtime.ts";

const isDeno = "Deno" in globalThis;

/** Its name and version. */
export function formatRuntime(): string {
  const { bun, deno } = process.versions;
  return isDeno ? `deno ${deno}` : `bun ${bun}`;
}

export async function loadRuntime(): Promise<Runtime> {
  const chosen = isDeno ? await import("./deno.ts") : await import("./bun.ts");
  return chosen.runtime;
}
