/** The shape of what an agent sends, judged over everything that it sent in the run. */

import { isJsonObject } from "../../protocol/json.ts";
import { messageBytesMax, textCharsMax } from "../../protocol/limits.ts";
import type { AgentSession } from "../agentSession.ts";
import { type Check, type Level, Mismatch, NotApplicable } from "../check.ts";
import type { ReceivedMessage } from "../link.ts";
import { decisions, standard } from "../sources.ts";
import { expectThat, isUtcTimestamp, payloadOf, requestIdOf, shown, typeOf } from "../wire.ts";

type AgentCheck = Check<AgentSession>;
type Sent = "heartbeat" | "status_update" | "response" | "error";

interface Rule {
  name: string;
  level: Level;
  title: string;
  source: string;
  isKept(message: ReceivedMessage): boolean;
  expected: string;
}

const envelopeRules: Rule[] = [
  {
    name: "timestamp",
    level: "must",
    title: "have a timestamp",
    source: standard.timestamp,
    isKept: ({ value }) => isJsonObject(value) && typeof value.timestamp === "string",
    expected: "a timestamp that is a text",
  },
  {
    name: "timestamp-utc",
    level: "must",
    title: "have a timestamp in ISO 8601 and UTC",
    source: decisions.timestamp,
    isKept: ({ value }) => isJsonObject(value) && isUtcTimestamp(value.timestamp),
    expected: "a timestamp such as 2026-01-02T03:04:05Z",
  },
  {
    name: "payload",
    level: "must",
    title: "have a payload that is an object",
    source: standard.payload,
    isKept: ({ value }) => isJsonObject(value) && isJsonObject(value.payload),
    expected: "a payload that is an object",
  },
  {
    name: "request-id",
    level: "must",
    title: "have no request_id that is not a text",
    source: standard.requestId,
    isKept: (message) => ["string", "undefined"].includes(typeof requestIdOf(message)),
    expected: "a request_id that is a text, or none",
  },
  {
    name: "size",
    level: "must",
    title: "have at most 65,536 bytes",
    source: standard.limit,
    isKept: ({ text }) => Buffer.byteLength(text) <= messageBytesMax,
    expected: "at most 65,536 bytes",
  },
];

const names: Readonly<Record<Sent, string>> = {
  heartbeat: "heartbeats",
  status_update: "status updates",
  response: "responses",
  error: "errors",
};

function ofType(type: Sent, rule: Rule): AgentCheck {
  return {
    id: `${type}/${rule.name}`,
    level: rule.level,
    title: `its ${names[type]} ${rule.title}`,
    source: rule.source,
    run(session) {
      const sent = session.messages.filter((each) => typeOf(each) === type);
      if (sent.length === 0) throw new NotApplicable(`it sent no ${type}`);
      const wrong = sent.find((each) => !rule.isKept(each));
      if (wrong !== undefined)
        throw new Mismatch(`expected ${rule.expected}, got ${shown(wrong.value)}`);
    },
  };
}

const own: [Sent, Rule][] = [
  [
    "heartbeat",
    {
      name: "empty",
      level: "should",
      title: "have an empty payload",
      source: standard.emptyPayload,
      isKept: (message) => Object.keys(payloadOf(message)).length === 0,
      expected: "an empty payload",
    },
  ],
  [
    "status_update",
    {
      name: "cpu",
      level: "must",
      title: "have a cpu_usage that is a text",
      source: standard.cpu,
      isKept: (message) => typeof payloadOf(message).cpu_usage === "string",
      expected: "a cpu_usage that is a text",
    },
  ],
  [
    "status_update",
    {
      name: "cpu-percent",
      level: "must",
      title: 'have a cpu_usage in percent, such as "30%"',
      source: decisions.cpu,
      isKept: (message) => /^\d+(\.\d+)? ?%$/.test(String(payloadOf(message).cpu_usage)),
      expected: 'a cpu_usage such as "30%"',
    },
  ],
  [
    "status_update",
    {
      name: "memory",
      level: "must",
      title: "have a memory_usage that is a text",
      source: standard.memory,
      isKept: (message) => typeof payloadOf(message).memory_usage === "string",
      expected: "a memory_usage that is a text",
    },
  ],
  [
    "status_update",
    {
      name: "memory-unit",
      level: "must",
      title: 'have a memory_usage with its unit, such as "1.5GB"',
      source: decisions.memory,
      isKept: (message) => /^\d+(\.\d+)? ?[KMGT]B$/.test(String(payloadOf(message).memory_usage)),
      expected: 'a memory_usage such as "1.5GB"',
    },
  ],
  [
    "response",
    {
      name: "status",
      level: "must",
      title: "have the status success or failed",
      source: standard.status,
      isKept: (message) => ["success", "failed"].includes(String(payloadOf(message).status)),
      expected: "success or failed",
    },
  ],
  [
    "response",
    {
      name: "message",
      level: "must",
      title: "have a message that is a text, or none",
      source: standard.message,
      isKept: (message) => ["string", "undefined"].includes(typeof payloadOf(message).message),
      expected: "a message that is a text",
    },
  ],
  [
    "response",
    {
      name: "message-length",
      level: "should",
      title: "have a message of at most 16,384 characters",
      source: standard.limit,
      isKept: (message) => String(payloadOf(message).message ?? "").length <= textCharsMax,
      expected: "at most 16,384 characters",
    },
  ],
  [
    "response",
    {
      name: "has-request-id",
      level: "must",
      title: "have the request_id of their command",
      source: standard.unique,
      isKept: (message) => typeof requestIdOf(message) === "string" && requestIdOf(message) !== "",
      expected: "a request_id",
    },
  ],
  [
    "error",
    {
      name: "code",
      level: "must",
      title: "have a code that is a text and not empty",
      source: standard.code,
      isKept: (message) => {
        const { code } = payloadOf(message);
        return typeof code === "string" && code !== "";
      },
      expected: "a code that is a text",
    },
  ],
  [
    "error",
    {
      name: "message",
      level: "must",
      title: "have a message that is a text",
      source: standard.errorMessage,
      isKept: (message) => typeof payloadOf(message).message === "string",
      expected: "a message that is a text",
    },
  ],
];

export const envelopeChecks: AgentCheck[] = [
  {
    id: "envelope/json-object",
    level: "must",
    title: "each of its messages is one JSON object",
    source: standard.envelope,
    run(session) {
      const wrong = session.messages.find(({ value }) => !isJsonObject(value));
      expectThat(wrong === undefined, "a JSON object", wrong?.text);
    },
  },
  {
    id: "envelope/type",
    level: "must",
    title: "each of its messages has a type that is a text",
    source: standard.type,
    run(session) {
      const wrong = session.messages.find((each) => typeof typeOf(each) !== "string");
      expectThat(wrong === undefined, "a type that is a text", wrong?.value);
    },
  },
  ...(Object.keys(names) as Sent[]).flatMap((type) =>
    envelopeRules.map((rule) => ofType(type, rule)),
  ),
  ...own.map(([type, rule]) => ofType(type, rule)),
];
