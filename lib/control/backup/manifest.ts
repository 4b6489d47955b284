/** What a backup says of itself, in its first file. */
import * as v from "valibot";

export const manifestName = "manifest.json";
/** The last file: the SHA-256 of each file before it, as sha256sum(1) prints them. */
export const sumsName = "SHA256SUMS";
/** The version of the archive's layout. */
export const backupFormat = 1;

export const BackupManifest = v.object({
  format: v.literal(backupFormat),
  /** The version of wsctl that made it. */
  version: v.string(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  control_id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  first_sequence: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  last_sequence: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** The digest of the batch that ends with the last entry, in hexadecimal. */
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  has_secrets: v.boolean(),
});
export type BackupManifest = v.InferOutput<typeof BackupManifest>;
