/** Limits of an operator session (`GET /api/v1/session`), with their units and their reasons. */

/** Jobs of one session at a time; a client sends further ones when earlier ones have ended. */
export const sessionJobsMax = 1_024;

/** Jobs of one session at a time whose live output is followed, because each has its own window. */
export const sessionOutputJobsMax = 16;

/** Sessions of one token at a time. */
export const sessionsPerTokenMax = 32;

/** Credit of a job, in bytes of `lines` messages: default, and maximum at a time. */
export const sessionCreditDefault = 256 * 1024;
export const sessionCreditMax = 16 * 1024 * 1024;

/** Outcomes of all jobs of a session that wait for their reader in memory, in characters of JSON. */
export const sessionWaitingCharsMax = 2 * 1024 * 1024;

/** Outcomes that a session reads from the journal at a time, for a job whose reader is behind. */
export const sessionPageRows = 100;

/** A `lines` message is closed at this size, in characters; one line may be longer. */
export const sessionFrameCharsMax = 64 * 1024;

/** Bytes that wait in the connection of a session before its jobs wait for the reader. */
export const sessionQueueBytes = 256 * 1024;

/** How often both sides ping, and how long a peer may be silent before the session is closed. */
export const sessionPingMs = 10_000;
export const sessionSilenceMs = 30_000;

/** How long a closed session may take to end, before its connection is cut. */
export const sessionCloseMs = 1_000;
