/** Signed releases of wsctl, as the API accepts and shows them. */
import * as v from "valibot";
import { Timestamp } from "../timestamp.ts";

/**
 * `POST /api/v1/releases`: a signed release of wsctl, whose files were uploaded as artifacts of the
 * kind `release`. `artifacts` maps each SHA-256 to an artifact id.
 */
export const ReleaseRequest = v.strictObject({
  release: v.strictObject({
    /** Exactly as it was signed. */
    manifest: v.string(),
    signatures: v.array(v.strictObject({ key: v.string(), signature: v.string() })),
  }),
  artifacts: v.record(v.string(), v.string()),
});
export type ReleaseRequest = v.InferOutput<typeof ReleaseRequest>;

/** A published release. Agents trust its signatures, not the control plane. */
export const ReleaseView = v.object({
  version: v.string(),
  release: ReleaseRequest.entries.release,
  created_at: Timestamp,
  created_by: v.string(),
  downloads: v.array(v.object({ sha256: v.string(), bytes: v.number(), url: v.string() })),
});
export type ReleaseView = v.InferOutput<typeof ReleaseView>;
