/**
 * Every limit of the wire and of the API, with its unit and its reason. Reaching one is a named
 * error, never silent loss.
 */

/** One WebSocket message, in UTF-8 bytes, both ways. Larger things go through object storage. */
export const messageBytesMax = 64 * 1024;

/** Arrays and objects inside each other in one message; deeper is refused before it is parsed. */
export const depthMax = 32;

/** A request id, in characters. Ours are UUIDs; others may use what they like. */
export const requestIdCharsMax = 128;

/** An agent id, in characters: the length of a full host name is 253, a sane one is far below. */
export const agentIdCharsMax = 128;

/** A command's name, in characters. */
export const commandCharsMax = 128;

/** An error code, in characters; codes of other implementations are kept as they are. */
export const codeCharsMax = 64;

/** A command's parameters as JSON, in bytes: leaves room for the envelope around them. */
export const parametersBytesMax = 48 * 1024;

/** A human message inside a response or an error, in characters. */
export const textCharsMax = 16 * 1024;

/** The body of an API request, in bytes: room for a long list of agents beside the parameters. */
export const bodyBytesMax = 4 * 1024 * 1024;

/** How long a command may run, in seconds: default and most. */
export const timeoutSecondsDefault = 30;
export const timeoutSecondsMax = 24 * 60 * 60;

/** How long a request may wait for its agent, in seconds: default and most. */
export const ttlSecondsDefault = 60 * 60;
export const ttlSecondsMax = 7 * 24 * 60 * 60;

/** How long a request of a rollout may wait for its turn, unless its TTL is longer. */
export const batchWaitMsMax = 7 * 24 * 60 * 60 * 1000;

/** A job with more requests than this is shown without their results. */
export const fullResultRequestsMax = 200;

/** All schedules together, as JSON, in bytes: they are held in memory. */
export const schedulesBytesMax = 16 * 1024 * 1024;

/** One of them. */
export const scheduleBytesMax = 128 * 1024;

/** Heartbeats every X seconds, and how many of them may be missed before a peer counts as gone. */
export const heartbeatSecondsDefault = 15;
export const heartbeatsMissedMax = 3;

/** After the last heartbeat could have come, a silent peer is given this long to prove itself. */
export const pingAfterSilenceMs = 2_000;

/** A new `wsctl.v1` session must say `hello` within this time. */
export const helloTimeoutMs = 10_000;

/** Sent requests of one agent that may be unanswered at a time; the rest wait in the journal. */
export const inflightPerAgentMax = 16;

/** Requests that may wait for one agent, and for all agents, at a time. */
export const openPerAgentMax = 10_000;
export const openMax = 1_000_000;

/** Parameters of all open jobs together, in bytes: they are held in memory until the job ends. */
export const openParametersBytesMax = 256 * 1024 * 1024;

/** After a timeout has passed, an answer already on its way is waited for this long. */
export const answerGraceMs = 10_000;

/** After a restart of the control plane, agents that hold answers are waited for this long. */
export const recoveryGraceMs = 60_000;

/** Refused messages within the window before a peer is closed as broken. */
export const protocolViolationsMax = 20;
export const protocolViolationsWindowMs = 10_000;

/** Messages a second from one agent, and how many it may save up. */
export const messagesPerSecondMax = 2_000;
export const messagesBurstMax = 4_000;

/** Bytes a second from one agent, and how many it may save up. */
export const messageBytesPerSecondMax = 8 * 1024 * 1024;
export const messageBytesBurstMax = 16 * 1024 * 1024;

/** What may be queued in memory for one slow reader, in bytes, before it is closed. */
export const sendQueueBytesMax = 4 * 1024 * 1024;

/** How long agents' metrics are kept, in hours: minute by minute, and hour by hour. */
export const metricsMinutesRetentionHours = 24;
export const metricsHoursRetention = 30 * 24;

/** Commands that one agent runs at a time, and how many more it takes before it says `BUSY`. */
export const runningMax = 16;
export const acceptedMax = 256;

/** Answers an agent keeps for a control plane that does not take them; past this it is `BUSY`. */
export const unacknowledgedMax = 1_000;

/**
 * What is kept of a program's output, in bytes, unless its manifest says otherwise; and at most.
 */
export const outputBytesDefault = 12 * 1024;
export const outputBytesMax = 15 * 1024;

/** What a program may return to a program, as JSON, in bytes. */
export const resultBytesMax = 32 * 1024;

/** Between SIGTERM and SIGKILL a program is given this long; less than `stopGraceMs`. */
export const programGraceMs = 3_000;

/** After a command was told to stop at its timeout, it is given this long to end. */
export const stopGraceMs = 6_000;

/** Before an agent restarts, its other commands are given this long to end. */
export const restartGraceMs = 10_000;

/**
 * An answer that was sent is repeated, or without `wsctl.v1` taken as received, after this long.
 */
export const answerRepeatMs = 30_000;

/**
 * How long an agent remembers a request: past its TTL by this, or without a TTL of ours so long.
 */
export const dedupAfterTtlMs = 60 * 60 * 1000;
export const dedupWindowMs = 7 * 24 * 60 * 60 * 1000;

/** An attempt to connect that has not succeeded after this long is given up. */
export const connectTimeoutMs = 15_000;

/**
 * Waiting before another attempt: doubled from the first to the cap, forgotten after steady uptime.
 */
export const backoffBaseMs = 1_000;
export const backoffMsMax = 60_000;
export const stableAfterMs = 60_000;

/** Over how long a fleet spreads its returns at the most, whatever it is advised. */
export const reconnectJitterMsMax = 300_000;

/** A peer that was refused for good reason waits at least so long, and up to twice that. */
export const slowReconnectMs = 30_000;

/** Where a control plane gives no advice: over how long to spread a return, in seconds. */
export const reconnectSecondsDefault = 5;

/** Status updates: one for so many heartbeats. */
export const heartbeatsPerStatus = 4;

/** An agent's capabilities as JSON, in bytes: leaves room for the envelope and for escaping. */
export const capabilitiesBytesMax = 28 * 1024;

/** How soon after a manifest was changed an agent says so. */
export const capabilitiesPollMs = 3_000;

/** One piece of live output, in bytes: fits a message with each of them escaped, or as base64. */
export const outputChunkBytesMax = 28 * 1024;

/** A smaller piece counts as so many bytes: about what it costs whoever keeps it. */
export const outputChunkCostMin = 64;

/** What one `subscribe_output` may ask for, in bytes. */
export const subscribeBytesMax = 1024 * 1024;

/** A subscriber that says nothing for this long no longer holds a program up. */
export const subscriptionLeaseMs = 30_000;

/** While it waits, a subscriber says this often that it is still there. */
export const subscriptionRenewMs = 10_000;

/** Watchers of one request, at its agent. */
export const subscriptionsPerRequestMax = 8;

/**
 * Requests of a job that one operator watches at a time, and what may wait for the operator, in
 * bytes, beside the last piece of each.
 */
export const subscriptionsPerStreamMax = 512;
export const subscribedBytesMax = 4 * 1024 * 1024;

/**
 * Once a request has ended, the rest of its output is waited for as long as it goes on coming so
 * often.
 */
export const outputDrainMs = 8_000;

/**
 * It is waited for no longer than this in all, and a second more for so many bytes that come; more
 * bytes than this, several times what a spool keeps, are not taken.
 */
export const outputDrainTotalMs = 30_000;
export const outputDrainBytesPerSecond = 8 * 1024;
export const outputDrainBytesMax = 16 * 1024 * 1024;

/** How long a new version has to connect, and must then stay connected, in seconds. */
export const connectSecondsDefault = 60;
export const healthySecondsDefault = 30;
export const trialSecondsMax = 600;

/** Having proved itself or failed, it is given this long to end. */
export const trialStopMs = 15_000;

/**
 * An artifact's name, in UTF-8 bytes: below what every file system allows, with room for a suffix.
 */
export const artifactNameBytesMax = 200;

/** Bytes of one artifact, and of all together; `wsctl serve` may be told otherwise. */
export const artifactBytesDefault = 5_000_000_000;
export const artifactQuotaBytesDefault = 20_000_000_000;

/** How long a result is kept, in seconds, unless `wsctl serve` is told otherwise. */
export const artifactTtlSecondsDefault = 7 * 24 * 60 * 60;

/** Artifacts of one request, and in all. */
export const artifactsPerRequestMax = 64;
export const artifactsMax = 100_000;

/** What artifacts leave free of the disk that they share with the journal, in bytes. */
export const artifactReserveBytes = 100_000_000;

/** How long an upload may take in all before it counts as abandoned. */
export const artifactUploadMs = 24 * 60 * 60 * 1000;

/** How long a pre-signed URL is good for; whoever needs longer asks for another. */
export const artifactUrlMs = 60 * 60 * 1000;

/** How much our own clients upload in one request, in bytes: streamed, never held. */
export const artifactPartBytes = 64 * 1024 * 1024;

/** Failed attempts to be let in from one address before it has to wait, and within which time. */
export const authFailuresMax = 20;
export const authWindowMs = 60_000;

/** Addresses whose failures are remembered at a time. */
export const failedAddressesMax = 10_000;

/** How old an agent's own key becomes before the agent replaces it. */
export const keyLifetimeMsDefault = 30 * 24 * 60 * 60 * 1000;

/** Refusals that the audit trail keeps, and within which time; of more it keeps the number. */
export const refusalsMax = 120;
export const refusalsWindowMs = 60_000;

/** Logins at a time: of one token or person, whose oldest then ends, and in all. */
export const loginsPerSubjectMax = 16;
export const loginsMax = 1_000;

/** How long somebody may take to log in at an OpenID provider. */
export const oidcLoginMs = 10 * 60 * 1000;

/** Logins at a provider that have come to an end, remembered beside the provider's own memory. */
export const oidcUsedStatesMax = 10_000;

/** How long each answer of the provider is waited for, and how many logins ask it at a time. */
export const oidcTimeoutMs = 10_000;
export const oidcConcurrentRequestsMax = 32;

/** A provider that could not be reached is asked again after this; one that answered, after an hour. */
export const oidcRetryMs = 2_000;
export const oidcCacheMs = 60 * 60 * 1000;

/**
 * A certificate that the control plane issues is valid from this long before its issue, for hosts
 * whose clock is behind.
 */
export const certificateBackdateMs = 24 * 60 * 60 * 1000;
