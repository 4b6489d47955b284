/** The parameters of one attempt of either kind of upload. */

import type { FileDigest } from "../files/fileDigest.ts";
import type { UploadView } from "../protocol/api/artifacts.ts";
import type { ControlPlane } from "./apiCall.ts";

/** A connection without progress for this long is dead. */
export const silenceMs = 60_000;

export interface UploadAttempt {
  path: string;
  sum: FileDigest;
  url: URL;
  upload: UploadView;
  controlPlane: ControlPlane;
  signal: AbortSignal | undefined;
  /** Reports the number of bytes that were sent or are already stored. */
  sent(doneBytes: number): void;
  kept(doneBytes: number): void;
}
