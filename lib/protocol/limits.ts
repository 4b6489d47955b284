/**
 * Every limit of the wire and of the API, with its unit and its reason. Exceeding one is an error,
 * never silent loss.
 */

/**
 * Size of one WebSocket message, in UTF-8 bytes, in both directions. Larger content uses object
 * storage.
 */
export const messageBytesMax = 64 * 1024;

/** Maximum nesting of arrays and objects in one message, checked before it is parsed. */
export const depthMax = 32;

/**
 * Length of a request id, in characters. wsctl uses UUIDs; other implementations may use other ids.
 */
export const requestIdCharsMax = 128;

/**
 * Length of an agent id, in characters. A full host name has at most 253, but is rarely that long.
 */
export const agentIdCharsMax = 128;

/** Length of a command's name, and of an error code (kept unchanged), in characters. */
export const commandCharsMax = 128;
export const codeCharsMax = 64;
/** What a `welcome` gives an agent to return. */
export const lineageCharsMax = 200;

/** Size of a command's parameters as JSON, in bytes, which leaves room for the envelope. */
export const parametersBytesMax = 48 * 1024;

/** Length of a message for people in a response or an error, in characters. */
export const textCharsMax = 16 * 1024;

/** Size of an API request body, in bytes, with room for a long list of agents. */
export const bodyBytesMax = 4 * 1024 * 1024;

/** Timeout of a command, in seconds: default and maximum. */
export const timeoutSecondsDefault = 30;
export const timeoutSecondsMax = 24 * 60 * 60;

/** Time to live of a request, in seconds: default and maximum. */
export const ttlSecondsDefault = 60 * 60;
export const ttlSecondsMax = 7 * 24 * 60 * 60;

/** How long a request of a rollout may wait for its batch, unless its TTL is longer. */
export const batchWaitMsMax = 7 * 24 * 60 * 60 * 1000;

/** A job with more requests than this is shown without their results. */
export const fullResultRequestsMax = 200;

/** Size of all schedules together, which are kept in memory, and of one, as JSON, in bytes. */
export const schedulesBytesMax = 16 * 1024 * 1024;
export const scheduleBytesMax = 128 * 1024;

/** Size of one template, target or webhook as JSON, in bytes, and how many of each there may be. */
export const definitionBytesMax = 128 * 1024;
export const definitionsMax = 1_000;
export const webhookDeadLettersMax = 100;

/**
 * Heartbeat interval in seconds, and the number of missed heartbeats after which a peer is offline.
 */
export const heartbeatSecondsDefault = 15;
export const heartbeatsMissedMax = 3;

/** How long a silent peer may take to respond to a ping after its last heartbeat was due. */
export const pingAfterSilenceMs = 2_000;

/** A new `wsctl.v1` session must send `hello` within this time. */
export const helloTimeoutMs = 10_000;

/** Unanswered requests of one agent at a time; the rest is queued in the journal. */
export const inflightPerAgentMax = 16;

/** Open requests of one agent and of all agents. */
export const openPerAgentMax = 10_000;
export const openMax = 1_000_000;

/** Size of the parameters of all open jobs, in bytes, because they are kept in memory. */
export const openParametersBytesMax = 256 * 1024 * 1024;

/** How long a response may arrive after the timeout has passed. */
export const answerGraceMs = 10_000;

/** How long agents may take to reconnect after a restart of the control plane. */
export const recoveryGraceMs = 60_000;

/** Rejected messages within the window before the connection is closed. */
export const protocolViolationsMax = 20;
export const protocolViolationsWindowMs = 10_000;

/** Messages per second from one agent, and the burst. */
export const messagesPerSecondMax = 2_000;
export const messagesBurstMax = 4_000;

/** Bytes per second from one agent, and the burst. */
export const messageBytesPerSecondMax = 8 * 1024 * 1024;
export const messageBytesBurstMax = 16 * 1024 * 1024;

/** Size of the send queue of one slow reader, in bytes, before it is closed. */
export const sendQueueBytesMax = 4 * 1024 * 1024;

/** How long agents' metrics are kept, in hours: by minute and by hour. */
export const metricsMinutesRetentionHours = 24;
export const metricsHoursRetention = 30 * 24;

/**
 * Commands that one agent runs at a time, and how many more it queues before it responds `BUSY`.
 */
export const runningMax = 16;
export const acceptedMax = 256;

/** Unacknowledged responses that an agent keeps; above this it responds `BUSY`. */
export const unacknowledgedMax = 1_000;

/**
 * Bytes of output kept per program, unless its manifest sets another value: default and maximum.
 */
export const outputBytesDefault = 12 * 1024;
export const outputBytesMax = 15 * 1024;

/** Size of a program's result as JSON, in bytes. */
export const resultBytesMax = 32 * 1024;

/** Time between SIGTERM and SIGKILL of a program; less than `stopGraceMs`. */
export const programGraceMs = 3_000;

/** How long a command may take to stop after its timeout. */
export const stopGraceMs = 6_000;

/** How long other commands may take to end before an agent restarts. */
export const restartGraceMs = 10_000;

/** After this time an unacknowledged response is sent again, or taken as received without `ack`. */
export const answerRepeatMs = 30_000;

/** How long an agent remembers a request after its TTL, and in total if the request has no TTL. */
export const dedupAfterTtlMs = 60 * 60 * 1000;
export const dedupWindowMs = 7 * 24 * 60 * 60 * 1000;

/** Above this size an agent removes entries of its log that no request needs, however young. */
export const agentLogBytesMax = 64 * 1024 * 1024;

/** A connection attempt is abandoned after this time. */
export const connectTimeoutMs = 15_000;

/**
 * Back-off between connection attempts: doubled from the first to the maximum, reset after a stable
 * connection.
 */
export const backoffBaseMs = 1_000;
export const backoffMsMax = 60_000;
export const stableAfterMs = 60_000;

/** The maximum window over which agents spread reconnects. */
export const reconnectJitterMsMax = 300_000;

/** The minimum wait of a rejected peer; it waits up to twice as long. */
export const slowReconnectMs = 30_000;

/** The reconnect window without pacing from the control plane, in seconds. */
export const reconnectSecondsDefault = 5;

/** The number of heartbeats per status update. */
export const heartbeatsPerStatus = 4;

/**
 * Size of an agent's capabilities as JSON, in bytes, which leaves room for the envelope and for
 * escaping.
 */
export const capabilitiesBytesMax = 28 * 1024;

/** How soon an agent announces a changed manifest. */
export const capabilitiesPollMs = 3_000;

/** Size of one chunk of live output, in bytes. */
export const outputChunkBytesMax = 28 * 1024;

/** The minimum cost of a smaller chunk, in bytes, which is about what storing it costs. */
export const outputChunkCostMin = 64;

/** Bytes that one `subscribe_output` may request. */
export const subscribeBytesMax = 1024 * 1024;

/** How long, and up to which size in all, an agent keeps output that was not read to its end. */
export const outputRetentionMs = 60 * 60 * 1000;
export const outputRetainedBytesMax = 256 * 1024 * 1024;

/** A subscriber that is silent for this long no longer blocks a program. */
export const subscriptionLeaseMs = 30_000;

/** How often a waiting subscriber renews its subscription. */
export const subscriptionRenewMs = 10_000;

/** Subscribers of one request at its agent. */
export const subscriptionsPerRequestMax = 8;

/**
 * Requests of a job that one operator follows at a time, and the bytes buffered for that operator
 * in addition to the last chunk of each.
 */
export const subscriptionsPerStreamMax = 512;
export const subscribedBytesMax = 4 * 1024 * 1024;

/**
 * After a request has ended, the rest of its output is awaited while chunks arrive within this
 * interval.
 */
export const outputDrainMs = 8_000;

/**
 * The total wait for the rest of the output, extended by a second per number of bytes received;
 * more bytes than this, several times the size of a spool, are not accepted.
 */
export const outputDrainTotalMs = 30_000;
export const outputDrainBytesPerSecond = 8 * 1024;
export const outputDrainBytesMax = 16 * 1024 * 1024;

/** How long a new version may take to connect, and how long it must stay connected, in seconds. */
export const connectSecondsDefault = 60;
export const healthySecondsDefault = 30;
export const trialSecondsMax = 600;

/** How long a trial may take to end after it has passed or failed. */
export const trialStopMs = 15_000;

/**
 * Length of an artifact's name, in UTF-8 bytes: below the limit of all file systems, with room for
 * a suffix.
 */
export const artifactNameBytesMax = 200;

/** Artifacts of one request, and in total; and how many seconds one may ask to be kept. */
export const artifactsPerRequestMax = 64;
export const artifactsMax = 100_000;
export const artifactTtlSecondsMax = 366 * 24 * 60 * 60;

/** Disk space that artifacts leave free for the journal on the same disk, in bytes. */
export const artifactReserveBytes = 100_000_000;

/** How long an upload may take before it counts as abandoned. */
export const artifactUploadMs = 24 * 60 * 60 * 1000;

/** How long a pre-signed URL is valid. Clients request a new one after that. */
export const artifactUrlMs = 60 * 60 * 1000;

/** Bytes that wsctl uploads per HTTP request; they are streamed, not buffered. */
export const artifactPartBytes = 64 * 1024 * 1024;

/**
 * The size of a part of an upload, in bytes, once a reverse proxy has refused a larger body: many
 * of them take 1 MB.
 */
export const artifactSmallPartBytes = 512 * 1024;

/** Failed authentication attempts from one address before it is rate-limited, and the window. */
export const authFailuresMax = 20;
export const authWindowMs = 60_000;

/** Addresses whose failed attempts are tracked at a time. */
export const failedAddressesMax = 10_000;

/** Log lines about agents that disconnect, per minute; the rest is only counted. */
export const disconnectLinesMax = 600;

/** The age at which an agent renews its key. */
export const keyLifetimeMsDefault = 30 * 24 * 60 * 60 * 1000;

/** Rejected requests that the audit trail records per window; the rest is only counted. */
export const refusalsMax = 120;
export const refusalsWindowMs = 60_000;

/** Tools that language models may call with one token, per window. */
export const toolCallsMax = 120;
export const toolCallsWindowMs = 60_000;

/**
 * A certificate from the control plane's CA is valid from this long before its issue, for hosts
 * whose clock is slow.
 */
export const certificateBackdateMs = 24 * 60 * 60 * 1000;
