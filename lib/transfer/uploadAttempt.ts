/** The parameters of one attempt of either kind of upload. */

import type { FileDigest } from "../files/fileDigest.ts";
import type { UploadView } from "../protocol/api/artifacts.ts";
import type { ControlPlane } from "./apiCall.ts";

/** A connection without progress for this long is dead. */
export const silenceMs = 60_000;

/** How much one request may carry; it lasts for all attempts of an upload. */
export interface PartSize {
  bytes: number;
}

export interface UploadAttempt {
  path: string;
  sum: FileDigest;
  part: PartSize;
  url: URL;
  upload: UploadView;
  controlPlane: ControlPlane;
  signal: AbortSignal | undefined;
  /** Reports the number of bytes that were sent or are already stored. */
  sent(doneBytes: number): void;
  kept(doneBytes: number): void;
}
