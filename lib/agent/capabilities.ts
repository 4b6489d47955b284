/** The agent's capabilities as one JSON text, and the digest that identifies it. */
import { createHash } from "node:crypto";
import type { Capability } from "../protocol/api/views.ts";
import { capabilitiesBytesMax } from "../protocol/limits.ts";

export interface CapabilitiesJson {
  /** SHA-256 in hexadecimal. */
  digest: string;
  text: string;
}

/**
 * Serializes the capabilities. If they exceed the size limit, the longest schemas are omitted
 * first, then the last entries.
 */
export function capabilitiesJson(entries: readonly Capability[]): CapabilitiesJson {
  const kept = [...entries];
  // One comma between two entries, and two brackets around the list.
  let bytes = kept.reduce((sum, entry) => sum + bytesOf(entry) + 1, 1);
  const longestFirst = [...kept.keys()]
    .map((index) => ({ index, chars: size(kept[index]) }))
    .sort((a, b) => b.chars - a.chars);
  for (const { index, chars } of longestFirst) {
    const entry = kept[index];
    if (entry === undefined || chars === 0 || bytes <= capabilitiesBytesMax) break;
    kept[index] = withoutSchema(entry);
    bytes -= bytesOf(entry) - bytesOf(kept[index]);
  }
  while (bytes > capabilitiesBytesMax) {
    const last = kept.pop();
    if (last === undefined) break;
    bytes -= bytesOf(last) + 1;
  }
  const text = JSON.stringify(kept);
  return { digest: createHash("sha256").update(text).digest("hex"), text };
}

/** Adds the signatures that each command needs. */
export function withSignatures(
  entries: readonly Capability[],
  requirement: (command: string) => Capability["signatures"],
): Capability[] {
  return entries.map((entry) => {
    const signatures = requirement(entry.name);
    return signatures === undefined ? entry : { ...entry, signatures };
  });
}

function bytesOf(entry: Capability): number {
  return Buffer.byteLength(JSON.stringify(entry));
}

function size(entry: Capability | undefined): number {
  const parameters = entry?.parameters;
  return parameters === undefined ? 0 : JSON.stringify(parameters).length;
}

function withoutSchema({ parameters: _left, ...entry }: Capability): Capability {
  return entry;
}
