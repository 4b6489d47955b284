/**
 * Artifacts: content that is too large for a message, stored in object storage and referred to by
 * its id. Defines the bodies of `/api/v1/artifacts` and the headers of a resumed upload.
 */
import * as v from "valibot";
import { artifactTtlSecondsMax } from "../limits.ts";
import { ArtifactName, RequestId } from "../names.ts";
import { Timestamp } from "../timestamp.ts";
import { seconds } from "./jobs.ts";

/**
 * `result`: created by a command. `release`: a version for agents to download. `file`: a file of an
 * operator, for the agents whose requests name it.
 */
const artifactKinds = ["result", "release", "file"] as const;
export type ArtifactKind = (typeof artifactKinds)[number];

const ArtifactState = v.picklist(["uploading", "ready"]);
export type ArtifactState = v.InferOutput<typeof ArtifactState>;

/**
 * Sent in responses to `HEAD` and `PUT` of an embedded upload: the number of bytes received so far.
 */
export const uploadOffsetHeader = "Upload-Offset";

const bytesRule = "must be a whole number of bytes, 0 or more";

/** `POST /api/v1/artifacts`: describes the content to upload. */
export const ArtifactRequest = v.strictObject({
  name: ArtifactName,
  bytes: v.pipe(v.number(bytesRule), v.safeInteger(bytesRule), v.minValue(0, bytesRule)),
  sha256: v.pipe(
    v.string("must be a string"),
    v.regex(/^[0-9a-f]{64}$/, "must be a SHA-256 as 64 lower-case hexadecimal digits"),
  ),
  /** The request that created the result; required from an agent. */
  request_id: v.optional(RequestId),
  /** How long it is kept; by default as long as `wsctl serve --artifact-ttl` says. */
  ttl_seconds: v.optional(seconds(artifactTtlSecondsMax)),
  kind: v.optional(v.picklist(artifactKinds, 'must be "result", "release" or "file"')),
});
export type ArtifactRequest = v.InferOutput<typeof ArtifactRequest>;

/** How to upload the content. The URL is the credential. */
export const UploadView = v.object({
  method: v.literal("PUT"),
  /** A path on the control plane, or an absolute URL of another store. */
  url: v.string(),
  /** Headers to send unchanged; some are part of the URL's signature. */
  headers: v.record(v.string(), v.string()),
  /** Whether an interrupted upload can be resumed with `Content-Range`. */
  resumable: v.boolean(),
  expires_at: Timestamp,
});
export type UploadView = v.InferOutput<typeof UploadView>;

export const DownloadView = v.object({
  /** A path on the control plane, or an absolute URL of another store. */
  url: v.string(),
  expires_at: Timestamp,
});
export type DownloadView = v.InferOutput<typeof DownloadView>;

export const ArtifactView = v.object({
  artifact_id: v.string(),
  name: v.string(),
  bytes: v.number(),
  sha256: v.string(),
  kind: v.picklist(artifactKinds),
  state: ArtifactState,
  agent_id: v.exactOptional(v.string()),
  request_id: v.exactOptional(v.string()),
  created_by: v.string(),
  created_at: Timestamp,
  expires_at: v.exactOptional(Timestamp),
});
export type ArtifactView = v.InferOutput<typeof ArtifactView>;

/** The response to an artifact request. Without `upload`, the content is already stored. */
export const NewArtifact = v.object({
  ...ArtifactView.entries,
  upload: v.exactOptional(UploadView),
});
export type NewArtifact = v.InferOutput<typeof NewArtifact>;

/** One artifact, with `download` once it is ready. */
export const ArtifactDetail = v.object({
  ...ArtifactView.entries,
  download: v.exactOptional(DownloadView),
});
export type ArtifactDetail = v.InferOutput<typeof ArtifactDetail>;
