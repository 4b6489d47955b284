/**
 * What an agent can do, as the one text that it announces, and the digest by which that is known.
 */
import { createHash } from "node:crypto";
import type { CatalogueEntry } from "../protocol/api/views.ts";
import { catalogueBytesMax } from "../protocol/limits.ts";

export interface CatalogueText {
  /** SHA-256 in hexadecimal. */
  digest: string;
  text: string;
}

/** Where all of it is too much, the longest schemas are left out first, then the last entries. */
export function catalogueText(entries: readonly CatalogueEntry[]): CatalogueText {
  let kept = [...entries];
  let text = JSON.stringify(kept);
  while (Buffer.byteLength(text) > catalogueBytesMax) {
    const longest = kept.reduce((most, entry) => (size(entry) > size(most) ? entry : most));
    if (longest.parameters === undefined) kept = kept.slice(0, -1);
    else kept = kept.map((entry) => (entry === longest ? withoutSchema(entry) : entry));
    text = JSON.stringify(kept);
  }
  return { digest: createHash("sha256").update(text).digest("hex"), text };
}

function size({ parameters }: CatalogueEntry): number {
  return parameters === undefined ? 0 : JSON.stringify(parameters).length;
}

function withoutSchema({ parameters: _left, ...entry }: CatalogueEntry): CatalogueEntry {
  return entry;
}
