/** What tests of the collector share: a request, and its result. */
import { createHash } from "node:crypto";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { type CollectOptions, collect } from "../../../lib/agent/logs/collector.ts";
import { CollectRequest, type CollectResult } from "../../../lib/agent/logs/collectRequest.ts";

/** A log as old as it is told to be, the newest of age 0. */
export function writeLog(path: string, content: string | Uint8Array, ageSeconds = 0): string {
  writeFileSync(path, content);
  const time = Date.now() / 1000 - ageSeconds;
  utimesSync(path, time, time);
  return path;
}

export function orderFor(dir: string, source: object, parameters: object = {}): CollectRequest {
  return v.parse(CollectRequest, {
    source: { name: "x", ...source },
    parameters: { source: "x", ...parameters },
    output: join(dir, "collected"),
    live: false,
    inline_bytes: 1_000_000,
  });
}

export interface Outcome {
  collected: CollectResult;
  /** What was printed, and what is in the file. */
  printed: string;
  written: string;
  /** What subscribers and the response are told beside the lines. */
  remarks: string[];
}

/** Collects in this very process; bytes as latin1. */
export async function collected(
  order: CollectRequest,
  options: Partial<CollectOptions> = {},
): Promise<Outcome> {
  const printed: Buffer[] = [];
  const remarks: string[] = [];
  const out = {
    write: (bytes: Uint8Array) => printed.push(Buffer.from(bytes)),
    remark: (line: string) => void remarks.push(line),
  };
  const signal = new AbortController().signal;
  const result = await collect(order, out, { signal, ...options });
  const bytes = readFileSync(order.output);
  if (createHash("sha256").update(bytes).digest("hex") !== result.sha256) {
    throw new Error("the hash is not that of the file");
  }
  return {
    collected: result,
    printed: Buffer.concat(printed).toString("latin1"),
    written: bytes.toString("latin1"),
    remarks,
  };
}
