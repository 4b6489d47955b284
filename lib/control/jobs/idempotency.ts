/** By what a repeated order is known: the operator's own key, and a digest of what was asked. */
import { createHash } from "node:crypto";
import type { JobRequest } from "../../protocol/api/jobs.ts";
import type { Job } from "../core/model.ts";

/** Two operators may choose the same key without meeting. */
export function buildIdempotency(
  order: JobRequest,
  createdBy: string,
  key: string | undefined,
): Job["idempotency"] | undefined {
  if (key === undefined) return undefined;
  const fingerprint = createHash("sha256").update(JSON.stringify(order)).digest("hex");
  return { key: `${createdBy}:${key}`, fingerprint };
}
