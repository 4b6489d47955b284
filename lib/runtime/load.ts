/** The only place that detects the runtime. */
import type { Runtime } from "./runtime.ts";

const isDeno = "Deno" in globalThis;
const isBun = "Bun" in globalThis;

/** Returns the name and version of the runtime. */
export function formatRuntime(): string {
  const { bun, deno, node } = process.versions;
  if (isDeno) return `deno ${deno}`;
  return isBun ? `bun ${bun}` : `node ${node}`;
}

export async function loadRuntime(): Promise<Runtime> {
  if (isDeno) return (await import("./deno.ts")).runtime;
  return isBun ? (await import("./bun.ts")).runtime : (await import("./node.ts")).runtime;
}

/** Returns what makes HTTP requests. It takes less time to load than a whole runtime. */
export async function loadFetchWith(): Promise<Runtime["fetchWith"]> {
  if (isBun && !isDeno) return (await import("./bunClient.ts")).fetchWith;
  return (await loadRuntime()).fetchWith;
}
