/** What one attempt at an upload is handed, whichever way it is made. */

import type { FileDigest } from "../files/fileDigest.ts";
import type { UploadView } from "../protocol/api/artifacts.ts";
import type { ControlPlane } from "./apiCall.ts";

/** A connection on which nothing moves for so long is dead. */
export const silenceMs = 60_000;

export interface UploadAttempt {
  path: string;
  sum: FileDigest;
  url: URL;
  upload: UploadView;
  controlPlane: ControlPlane;
  signal: AbortSignal | undefined;
  /** So many bytes have been sent, or are known to be there to stay. */
  sent(doneBytes: number): void;
  kept(doneBytes: number): void;
}
