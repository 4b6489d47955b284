/**
 * Artifacts: content that is too large for a message, stored in object storage and referred to by
 * its id. Defines the bodies of `/api/v1/artifacts` and the headers of a resumed upload.
 */
import * as v from "valibot";
import { artifactTtlSecondsMax } from "../limits.ts";
import { ArtifactName, RequestId } from "../names.ts";
import { seconds } from "./jobs.ts";

/**
 * `result`: created by a command. `release`: a version for agents to download. `file`: a file of an
 * operator, for the agents whose requests name it.
 */
const artifactKinds = ["result", "release", "file"] as const;
export type ArtifactKind = (typeof artifactKinds)[number];

export type ArtifactState = "uploading" | "ready";

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
export interface UploadView {
  method: "PUT";
  /** A path on the control plane, or an absolute URL of another store. */
  url: string;
  /** Headers to send unchanged; some are part of the URL's signature. */
  headers: Record<string, string>;
  /** Whether an interrupted upload can be resumed with `Content-Range`. */
  resumable: boolean;
  expires_at: string;
}

export interface DownloadView {
  /** A path on the control plane, or an absolute URL of another store. */
  url: string;
  expires_at: string;
}

export interface ArtifactView {
  artifact_id: string;
  name: string;
  bytes: number;
  sha256: string;
  kind: ArtifactKind;
  state: ArtifactState;
  agent_id?: string;
  request_id?: string;
  created_by: string;
  created_at: string;
  expires_at?: string;
}

/** The response to an artifact request. Without `upload`, the content is already stored. */
export interface NewArtifact extends ArtifactView {
  upload?: UploadView;
}

/** One artifact, with `download` once it is ready. */
export interface ArtifactDetail extends ArtifactView {
  download?: DownloadView;
}
