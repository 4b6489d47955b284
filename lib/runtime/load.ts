/** The only place that asks which runtime this is. */
import type { Runtime } from "./runtime.ts";

export async function loadRuntime(): Promise<Runtime> {
  const chosen = "Deno" in globalThis ? await import("./deno.ts") : await import("./bun.ts");
  return chosen.runtime;
}
