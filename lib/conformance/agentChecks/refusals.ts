/** What an agent does with messages that are none. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../../protocol/json.ts";
import type { AgentSession } from "../agentSession.ts";
import { type Check, Mismatch } from "../check.ts";
import { opcodes } from "../frames.ts";
import { decisions, standard } from "../sources.ts";
import { type Broken, brokenMessages, expectThat, message, requestIdOf, typeOf } from "../wire.ts";

type AgentCheck = Check<AgentSession>;

const good: JsonObject = {
  type: "command",
  request_id: "broken",
  timestamp: "2026-01-02T03:04:05Z",
  payload: { command: "ping" },
};
const having = (fields: JsonObject) => JSON.stringify({ ...good, ...fields });

/** Ways to break a command in particular. */
const brokenCommands: Broken[] = [
  {
    name: "no-request-id",
    what: "a command without request_id",
    text: having({ request_id: undefined }),
  },
  {
    name: "request-id-number",
    what: "a command whose request_id is a number",
    text: having({ request_id: 7 }),
  },
  {
    name: "request-id-empty",
    what: "a command whose request_id is empty",
    text: having({ request_id: "" }),
  },
  { name: "no-command", what: "a command without its name", text: having({ payload: {} }) },
  {
    name: "command-number",
    what: "a command whose name is a number",
    text: having({ payload: { command: 1 } }),
  },
  {
    name: "command-empty",
    what: "a command whose name is empty",
    text: having({ payload: { command: "" } }),
  },
  {
    name: "parameters-list",
    what: "a command whose parameters are a list",
    text: having({ payload: { command: "ping", parameters: [] } }),
  },
  {
    name: "parameters-text",
    what: "a command whose parameters are a text",
    text: having({ payload: { command: "ping", parameters: "now" } }),
  },
  {
    name: "wrong-side",
    what: "a response, which only agents send",
    text: message("response", { status: "success" }, { request_id: "broken" }),
  },
];

const broken = [...brokenMessages(good), ...brokenCommands];

function refuses({ name, what, text }: Broken): AgentCheck {
  return {
    id: `malformed/${name}`,
    level: "should",
    title: `replies with an error to ${what}`,
    source: standard.malformed,
    async run(session) {
      const error = await session.refusal(text);
      expectThat(error !== undefined, "an error message", undefined);
    },
  };
}

/** A message that is refused must not stop an agent from working. */
function survives({ name, what, text }: Broken): AgentCheck {
  return {
    id: `survives/${name}`,
    level: "must",
    title: `runs commands on the same connection after ${what}`,
    source: decisions.staysOpen,
    async run(session) {
      const link = await session.link();
      link.send(text);
      const sent = await session.sendCommand();
      if (sent.link !== link) throw new Mismatch("expected the same connection, got a new one");
      await session.requireResponse(sent);
    },
  };
}

export const refusalChecks: AgentCheck[] = [
  ...broken.map(refuses),
  ...broken.map(survives),
  {
    id: "errors/echoes-request-id",
    level: "should",
    title: "names the request_id of a message that it refuses",
    source: decisions.errorId,
    async run(session) {
      const error = await session.refusal(having({ payload: {}, request_id: "named-in-error" }));
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
      const error = await session.refusal("no message at all");
      const id = error === undefined ? undefined : requestIdOf(error);
      expectThat(id === "unknown", '"unknown"', id);
    },
  },
  ...[
    { name: "error", what: "an error", payload: { code: "TIMEOUT", message: "too late" } },
    { name: "malformed-error", what: "an error without code and message", payload: {} },
  ].map(
    ({ name, what, payload }): AgentCheck => ({
      id: `errors/no-answer-to-${name}`,
      level: "must",
      title: `does not answer ${what} with an error`,
      source: decisions.noErrorToError,
      async run(session) {
        const link = await session.link();
        const mark = link.messages.length;
        link.send(message("error", payload, { request_id: "of-the-control-plane" }));
        await session.requireResponse(await session.sendCommand());
        await sleep(50);
        const answer = link.messages.slice(mark).find((each) => typeOf(each) === "error");
        expectThat(answer === undefined, "no error", answer?.value);
      },
    }),
  ),
  {
    id: "limits/large-message",
    level: "must",
    title: "works on after a message of 200,000 bytes, if need be on a new connection",
    source: decisions.size,
    async run(session) {
      const link = await session.link();
      link.send(
        having({ payload: { command: "ping", parameters: { text: "x".repeat(200_000) } } }),
      );
      await session.requireResponseAnywhere();
    },
  },
  {
    id: "limits/binary-frame-closes",
    level: "may",
    title: "closes a connection on which a binary frame comes (1003)",
    source: decisions.binary,
    async run(session) {
      const link = await session.link();
      link.frame(opcodes.binary, Buffer.from([1, 2, 3]));
      const closed = await link.until(session.options.answerMs, () => link.closed);
      expectThat(closed?.code === 1003, "close 1003", closed?.code);
    },
  },
  {
    id: "limits/binary-frame",
    level: "must",
    title: "works on after a binary frame, if need be on a new connection",
    source: decisions.binary,
    run: async (session) => void (await session.requireResponseAnywhere()),
  },
];
