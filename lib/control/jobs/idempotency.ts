/** Identifies a repeated request by the operator's Idempotency-Key and a digest of the request. */
import { createHash } from "node:crypto";
import type { JobRequest } from "../../protocol/api/jobs.ts";
import type { Job } from "../core/model.ts";

/** The key is scoped to the operator: two operators may use the same key. */
export function buildIdempotency(
  jobRequest: JobRequest,
  createdBy: string,
  key: string | undefined,
): Job["idempotency"] | undefined {
  if (key === undefined) return undefined;
  const fingerprint = createHash("sha256").update(JSON.stringify(jobRequest)).digest("hex");
  return { key: `${createdBy}:${key}`, fingerprint };
}
