/** What a control plane does with messages that it must refuse. */
import type { JsonObject } from "../../protocol/json.ts";
import type { Check } from "../check.ts";
import type { ControlSession } from "../controlSession.ts";
import { opcodes } from "../frames.ts";
import { decisions, standard } from "../sources.ts";
import {
  type Broken,
  brokenMessages,
  expectThat,
  message,
  payloadOf,
  requestIdOf,
  typeOf,
} from "../wire.ts";

type ControlCheck = Check<ControlSession>;

const heartbeat = (payload: JsonObject) => message("heartbeat", payload);

const good: JsonObject = {
  type: "status_update",
  timestamp: "2026-01-02T03:04:05Z",
  payload: { cpu_usage: "30%", memory_usage: "1.5GB" },
};
const status = (payload: JsonObject) => JSON.stringify({ ...good, payload });
const response = (fields: JsonObject, payload: JsonObject = { status: "success" }) =>
  message("response", payload, { request_id: "broken", ...fields });

const brokenByAgents: Broken[] = [
  {
    name: "cpu-number",
    what: "a cpu_usage that is a number",
    text: status({ cpu_usage: 30, memory_usage: "1GB" }),
  },
  {
    name: "cpu-no-percent",
    what: "a cpu_usage without %",
    text: status({ cpu_usage: "30", memory_usage: "1GB" }),
  },
  {
    name: "no-memory",
    what: "a status update without memory_usage",
    text: status({ cpu_usage: "30%" }),
  },
  {
    name: "memory-no-unit",
    what: "a memory_usage without unit",
    text: status({ cpu_usage: "30%", memory_usage: "1.5" }),
  },
  {
    name: "status-unknown",
    what: "a response with another status",
    text: response({}, { status: "ok" }),
  },
  {
    name: "no-request-id",
    what: "a response without request_id",
    text: response({ request_id: undefined }),
  },
  {
    name: "request-id-number",
    what: "a response whose request_id is a number",
    text: response({ request_id: 7 }),
  },
  {
    name: "message-number",
    what: "a response whose message is a number",
    text: response({}, { status: "success", message: 1 }),
  },
];

const broken = [...brokenMessages(good), ...brokenByAgents];

export const refusalChecks: ControlCheck[] = [
  ...broken.map(
    ({ name, what, text }): ControlCheck => ({
      id: `malformed/${name}`,
      level: "should",
      title: `replies with an error to ${what}`,
      source: standard.eitherParty,
      async run(session) {
        const error = await session.refusal(await session.connect(), text);
        expectThat(error !== undefined, "an error message", undefined);
      },
    }),
  ),
  ...broken.map(
    ({ name, what, text }): ControlCheck => ({
      id: `survives/${name}`,
      level: "must",
      title: `keeps the connection after ${what}`,
      source: decisions.staysOpen,
      async run(session) {
        const link = await session.connect();
        link.send(text);
        session.heartbeat(link);
        await session.settle(link);
        expectThat(link.closed === undefined, "an open connection", link.closed?.code);
        const errors = link.messages.filter((each) => typeOf(each) === "error");
        expectThat(errors.length <= 1, "an error message at most", errors.at(-1)?.text);
      },
    }),
  ),
  {
    id: "errors/echoes-request-id",
    level: "should",
    title: "names the request_id of a message that it refuses",
    source: decisions.errorId,
    async run(session) {
      const text = response({ request_id: "named-in-error" }, { status: "ok" });
      const error = await session.refusal(await session.connect(), text);
      const id = error === undefined ? undefined : requestIdOf(error);
      expectThat(id === "named-in-error", "the same request_id", id);
    },
  },
  {
    id: "errors/unknown-request-id",
    level: "may",
    title: 'names "unknown" as the request_id where none can be read',
    source: decisions.errorId,
    async run(session) {
      const error = await session.refusal(await session.connect(), "no message at all");
      const id = error === undefined ? undefined : requestIdOf(error);
      expectThat(id === "unknown", '"unknown"', id);
    },
  },
  ...(
    [
      [
        "unknown-type",
        "an unknown type",
        "UNSUPPORTED_TYPE",
        decisions.unknownType,
        "no_such_type",
      ],
      ["wrong-side", "a command from an agent", "FORBIDDEN", decisions.wrongSide, "command"],
      [
        "unknown-request",
        "a response to nothing",
        "UNKNOWN_REQUEST",
        decisions.unknownRequest,
        "response",
      ],
    ] as const
  ).flatMap(([name, what, code, source, type]): ControlCheck[] => {
    const payload = type === "response" ? { status: "success" } : { command: "ping" };
    const text = () => message(type, payload, { request_id: `never-sent-${name}` });
    return [
      {
        id: `errors/${name}`,
        level: "should",
        title: `answers ${what} with an error`,
        source,
        async run(session) {
          const error = await session.refusal(await session.connect(), text());
          expectThat(error !== undefined, "an error", undefined);
        },
      },
      {
        id: `errors/${name}-code`,
        level: "may",
        title: `names ${what} ${code}`,
        source,
        async run(session) {
          const error = await session.refusal(await session.connect(), text());
          const seen = error === undefined ? undefined : payloadOf(error).code;
          expectThat(seen === code, code, seen);
        },
      },
    ];
  }),
  ...[
    { name: "error", what: "an error", payload: { code: "TIMEOUT", message: "too late" } },
    { name: "malformed-error", what: "an error without code and message", payload: {} },
  ].map(
    ({ name, what, payload }): ControlCheck => ({
      id: `errors/no-answer-to-${name}`,
      level: "must",
      title: `does not answer ${what} with an error`,
      source: decisions.noErrorToError,
      async run(session) {
        const link = await session.connect();
        const text = message("error", payload, { request_id: "of-the-agent" });
        await session.requireAccepted(link, () => link.send(text));
      },
    }),
  ),
  {
    id: "limits/large-message",
    level: "should",
    title: "closes a connection on which a message of 200,000 bytes comes (1009)",
    source: decisions.size,
    async run(session) {
      const link = await session.connect();
      link.send(heartbeat({ text: "x".repeat(200_000) }));
      const closed = await session.ending(link);
      expectThat(closed !== undefined, "a closed connection", undefined);
    },
  },
  {
    id: "limits/full-message",
    level: "must",
    title: "takes a message of 60,000 bytes",
    source: decisions.size,
    async run(session) {
      const link = await session.connect();
      const text = heartbeat({ text: "x".repeat(60_000) });
      await session.requireAccepted(link, () => link.send(text));
    },
  },
  {
    id: "limits/burst",
    level: "must",
    title: "takes 1,000 messages at once",
    source: decisions.rate,
    async run(session) {
      const link = await session.connect();
      await session.requireAccepted(link, () => {
        for (let index = 0; index < 1_000; index++) session.heartbeat(link);
      });
    },
  },
  {
    id: "limits/flood",
    level: "may",
    title: "closes a connection on which far too many messages come at once (4429)",
    source: decisions.rate,
    async run(session) {
      const link = await session.connect();
      // In parts, so that no more is sent than it takes.
      for (let part = 0; part < 40 && link.closed === undefined; part++) {
        for (let index = 0; index < 500; index++) session.heartbeat(link);
        await session.settle(link);
      }
      expectThat(link.closed?.code === 4429, "close 4429", link.closed?.code);
    },
  },
  {
    id: "limits/binary-frame-closes",
    level: "should",
    title: "closes a connection on which a binary frame comes (1003)",
    source: decisions.binary,
    async run(session) {
      const link = await session.connect();
      link.frame(opcodes.binary, Buffer.from([1, 2, 3]));
      const closed = await session.ending(link);
      expectThat(closed?.code === 1003, "close 1003", closed?.code);
    },
  },
  {
    id: "limits/many-refusals",
    level: "may",
    title: "closes a connection after more than 20 refused messages (4400)",
    source: decisions.staysOpen,
    async run(session) {
      const link = await session.connect();
      for (let index = 0; index < 25; index++) link.send("no message at all");
      const closed = await session.ending(link);
      expectThat(closed?.code === 4400, "close 4400", closed?.code);
    },
  },
];
