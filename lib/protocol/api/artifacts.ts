/**
 * Artifacts: what is too large for a message, kept in object storage and referred to by its id. The
 * bodies of `/api/v1/artifacts`, and the two headers of an upload that is resumed.
 */
import * as v from "valibot";
import { ArtifactName, RequestId } from "../names.ts";

/** `result`: what a command left behind; `release`: what agents may fetch. */
export const artifactKinds = ["result", "release"] as const;
export type ArtifactKind = (typeof artifactKinds)[number];

export type ArtifactState = "uploading" | "ready";

/** Answers `HEAD` and every `PUT` of an embedded upload: so many bytes are there. */
export const uploadOffsetHeader = "Upload-Offset";

const bytesRule = "must be a whole number of bytes, 0 or more";

/** `POST /api/v1/artifacts`: what is going to be uploaded. */
export const ArtifactRequest = v.strictObject({
  name: ArtifactName,
  bytes: v.pipe(v.number(bytesRule), v.safeInteger(bytesRule), v.minValue(0, bytesRule)),
  sha256: v.pipe(
    v.string("must be a string"),
    v.regex(/^[0-9a-f]{64}$/, "must be a SHA-256 as 64 lower-case hexadecimal digits"),
  ),
  /** The request whose result it is: an agent must name it. */
  request_id: v.optional(RequestId),
  kind: v.optional(v.picklist(artifactKinds, 'must be "result" or "release"')),
});
export type ArtifactRequest = v.InferOutput<typeof ArtifactRequest>;

/** How an artifact's content is uploaded: the URL itself is the credential. */
export interface UploadView {
  method: "PUT";
  /** A path on the control plane itself, or an absolute URL of another store. */
  url: string;
  /** To be sent as they are: some are part of the URL's signature. */
  headers: Record<string, string>;
  /** Whether a broken upload may go on with `Content-Range` behind what has arrived. */
  resumable: boolean;
  expires_at: string;
}

export interface DownloadView {
  /** A path on the control plane itself, or an absolute URL of another store. */
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

/** Answers an order; without `upload` the content is there already. */
export interface NewArtifact extends ArtifactView {
  upload?: UploadView;
}

/** One artifact; `download` is there once it is ready. */
export interface ArtifactDetail extends ArtifactView {
  download?: DownloadView;
}
