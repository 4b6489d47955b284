/** Forms of a command that an agent must take. */
import type { JsonObject } from "../../protocol/json.ts";
import type { AgentSession } from "../agentSession.ts";
import type { Check } from "../check.ts";
import { opcodes } from "../frames.ts";
import { decisions, standard } from "../sources.ts";
import { message } from "../wire.ts";

type AgentCheck = Check<AgentSession>;

/** The agent runs its command although the message has this form. */
function accepts(
  name: string,
  what: string,
  source: string,
  options: { level?: "must" | "should"; fields?: JsonObject; payload?: JsonObject } = {},
): AgentCheck {
  const { level = "must", fields = {}, payload = {} } = options;
  return {
    id: `accepts/${name}`,
    level,
    title: `runs ${what}`,
    source,
    run: async (session) =>
      void (await session.requireResponse(await session.sendCommand(fields, payload))),
  };
}

/** The agent runs its command although the text is written in this way. */
function acceptsText(
  name: string,
  what: string,
  source: string,
  write: (good: JsonObject) => string | string[],
): AgentCheck {
  return {
    id: `accepts/${name}`,
    level: "must",
    title: `runs ${what}`,
    source,
    async run(session) {
      const link = await session.link();
      const id = crypto.randomUUID();
      const { command, parameters } = session.options;
      const payload = { command, ...(parameters === undefined ? {} : { parameters }) };
      const good = JSON.parse(message("command", payload, { request_id: id })) as JsonObject;
      const mark = link.messages.length;
      const parts = [write(good)].flat();
      parts.forEach((part, index) => {
        const opcode = index === 0 ? opcodes.text : opcodes.continuation;
        link.frame(opcode, part, index === parts.length - 1);
      });
      await session.requireResponse({ link, id, mark });
    },
  };
}

const inHalves = (text: string) => [text.slice(0, 9), text.slice(9, 30), text.slice(30)];

export const acceptedForms: AgentCheck[] = [
  accepts("empty-parameters", "a command with empty parameters", standard.parameters, {
    payload: { parameters: {} },
    level: "should",
  }),
  accepts(
    "extra-field",
    "a command with an unknown field in the envelope",
    decisions.unknownFields,
    {
      fields: { trace: "1", tags: ["a"] },
    },
  ),
  accepts(
    "extra-payload-field",
    "a command with an unknown field in the payload",
    decisions.unknownFields,
    {
      payload: { timeout_hint: 10, nested: { a: [1] } },
    },
  ),
  accepts("proto-field", "a command with a field named __proto__", decisions.proto, {
    fields: JSON.parse('{"__proto__": {"type": "error"}}') as JsonObject,
  }),
  accepts(
    "short-request-id",
    "a command whose request_id is one character",
    decisions.requestIdText,
    {
      fields: { request_id: "7" },
    },
  ),
  accepts(
    "long-request-id",
    "a command whose request_id has 128 characters",
    decisions.requestIdText,
    {
      fields: { request_id: "r".repeat(128) },
    },
  ),
  accepts(
    "unicode-request-id",
    "a command whose request_id is not ASCII",
    decisions.requestIdText,
    {
      fields: { request_id: "Auftrag-Ä-数-1" },
    },
  ),
  accepts(
    "spaced-request-id",
    "a command whose request_id has spaces and quotes",
    decisions.requestIdText,
    {
      fields: { request_id: 'run "3" of 4' },
    },
  ),
  accepts("old-timestamp", "a command whose timestamp is long ago", decisions.anyTime, {
    fields: { timestamp: "2001-01-01T00:00:00Z" },
  }),
  accepts("future-timestamp", "a command whose timestamp is in the future", decisions.anyTime, {
    fields: { timestamp: "2999-01-01T00:00:00Z" },
  }),
  accepts("plus-zero", "a command whose timestamp ends in +00:00", decisions.timestamp, {
    fields: { timestamp: "2026-01-02T03:04:05+00:00" },
  }),
  accepts("nanoseconds", "a command whose timestamp has nine decimals", decisions.timestamp, {
    fields: { timestamp: "2026-01-02T03:04:05.123456789Z" },
  }),
  acceptsText(
    "whitespace",
    "a command in JSON with spaces and line breaks",
    decisions.frame,
    (good) => JSON.stringify(good, null, 4),
  ),
  acceptsText("escapes", "a command in JSON with escapes", decisions.frame, (good) =>
    JSON.stringify(good).replace('"command"', '"\\u0063ommand"'),
  ),
  acceptsText(
    "key-order",
    "a command whose type comes last",
    decisions.frame,
    ({ type, ...rest }) => JSON.stringify({ ...rest, type }),
  ),
  acceptsText(
    "duplicate-key",
    "a command with a key twice, of which the last counts",
    decisions.duplicateKey,
    (good) => `{"type":"response",${JSON.stringify(good).slice(1)}`,
  ),
  acceptsText("fragments", "a command in several frames", decisions.frame, (good) =>
    inHalves(JSON.stringify(good)),
  ),
];
