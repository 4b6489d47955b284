/** Which checks find each wrong peer; `GROUP/*` is every check of a group. */
import type { AgentFault } from "./standardAgent.ts";
import type { ControlFault } from "./standardControl.ts";

const timestamps = ["heartbeat", "status_update", "response", "error"];

/** What each wrong agent fails. */
export const wrongAgents: Readonly<Record<AgentFault, string[]>> = {
  "no-token": ["connection/token"],
  "token-in-url": ["connection/no-secret-in-url"],
  "other-path": ["connection/path"],
  origin: ["connection/no-origin"],
  "no-heartbeat": ["heartbeat/first", "heartbeat/again", "reconnect/heartbeat"],
  "heartbeat-once": ["heartbeat/again"],
  "heartbeat-flood": ["heartbeat/not-a-flood"],
  "heartbeat-payload": ["heartbeat/empty"],
  "no-status": ["status_update/first", "status_update/again"],
  "status-once": ["status_update/again"],
  "cpu-number": ["status_update/cpu", "status_update/cpu-percent"],
  "cpu-without-percent": ["status_update/cpu-percent"],
  "memory-without-unit": ["status_update/memory-unit"],
  "timestamp-local": timestamps.map((type) => `${type}/timestamp-utc`),
  "timestamp-epoch": timestamps.flatMap((type) => [`${type}/timestamp`, `${type}/timestamp-utc`]),
  "heartbeat-without-payload": ["heartbeat/payload"],
  // The first check that needs the agent back; the ones after it are skipped.
  "no-reconnect": ["limits/binary-frame"],
  "reconnects-at-once": ["reconnect/pauses"],
  "gives-up-when-refused": ["reconnect/refused"],
  "answers-twice": ["command/once"],
  "status-ok": ["command/success", "response/status"],
  "numeric-message": ["response/message"],
  "silent-on-unknown": ["command/unknown", "command/case", "command/prototype-name"],
  "response-to-unknown": ["command/unknown", "command/case", "command/prototype-name"],
  "other-code": ["command/unknown-code"],
  "closes-on-malformed": [
    ...["malformed/*", "survives/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    "errors/no-answer-to-malformed-error",
  ],
  "silent-on-malformed": ["malformed/*", "errors/echoes-request-id", "errors/unknown-request-id"],
  "error-to-error": ["errors/no-answer-to-error", "errors/no-answer-to-malformed-error"],
  "refuses-unknown-fields": [
    ...["accepts/extra-field", "accepts/extra-payload-field", "accepts/proto-field"],
  ],
  "refuses-unicode-id": ["accepts/unicode-request-id"],
  "refuses-old-timestamp": [
    ...["accepts/old-timestamp", "accepts/future-timestamp", "accepts/plus-zero"],
    "accepts/nanoseconds",
  ],
  "runs-again": ["command/repeated"],
  "binary-heartbeat": ["connection/text-frames"],
  "says-hello": ["connection/standard-types"],
  "error-without-code": ["command/unknown-code", "error/code"],
  "cut-parameters": ["command/large-parameters"],
  "ignores-case": ["command/case"],
};

const refusalsOfErrors = [
  "accepts/error",
  "errors/no-answer-to-error",
  "answer/error",
  "answer/own-code",
];
const forgotten = [
  "answer/success",
  "answer/failed",
  "answer/extra-field",
  "answer/long-message",
  "answer/late",
];

/** What each wrong control plane fails. */
export const wrongControls: Readonly<Record<ControlFault, string[]>> = {
  "accepts-any-token": [
    ...["connection/refuses-no-token", "connection/refuses-wrong-token"],
    ...["connection/refuses-wrong-scheme", "connection/refusal-code"],
  ],
  "accepts-no-token": ["connection/refuses-no-token"],
  "refuses-by-status": ["connection/refusal-code"],
  "agrees-to-anything": ["connection/no-subprotocol"],
  "says-welcome": ["connection/standard-types"],
  "keeps-the-silent": ["liveness/silent", "liveness/silent-code"],
  "counts-heartbeats-alone": ["liveness/any-message"],
  "error-to-error": [...refusalsOfErrors, "errors/no-answer-to-malformed-error"],
  "silent-on-malformed": [
    ...["malformed/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    ...["errors/unknown-type", "errors/unknown-type-code", "errors/wrong-side"],
    ...["errors/wrong-side-code", "limits/many-refusals"],
  ],
  "closes-on-malformed": [
    ...["malformed/*", "survives/*", "errors/echoes-request-id", "errors/unknown-request-id"],
    ...["errors/unknown-type", "errors/unknown-type-code", "errors/wrong-side"],
    ...["errors/wrong-side-code", "errors/no-answer-to-malformed-error", "limits/many-refusals"],
  ],
  "refuses-spaces": ["accepts/status-spaces"],
  "refuses-over-100": ["accepts/status-many-cores"],
  "refuses-unknown-fields": ["accepts/extra-field", "accepts/proto-field", "answer/extra-field"],
  "ignores-binary": ["limits/binary-frame-closes"],
  "silent-on-unknown-request": ["errors/unknown-request", "errors/unknown-request-code"],
  "numeric-id": [...forgotten, "command/request-id"],
  "same-id": ["command/unique"],
  "sends-again": ["command/once"],
  "parameters-list": ["command/parameters"],
  "timestamp-local": ["command/timestamp"],
  "closes-on-second-answer": ["answer/second"],
  "forgets-requests": forgotten,
  "takes-large-messages": ["limits/large-message"],
  "refuses-errors": refusalsOfErrors,
  "unnamed-command": ["command/name"],
  "refuses-bursts": ["limits/burst"],
  "takes-floods": ["limits/flood"],
};
