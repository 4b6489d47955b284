/** The commands of a control plane, and what it does with their answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { messageBytesMax } from "../../protocol/limits.ts";
import { type Check, type Level, NotApplicable } from "../check.ts";
import type { ControlSession } from "../controlSession.ts";
import type { ReceivedMessage } from "../link.ts";
import { decisions, standard } from "../sources.ts";
import {
  expectThat,
  isUtcTimestamp,
  message,
  payloadOf,
  requestIdOf,
  shown,
  typeOf,
} from "../wire.ts";

type ControlCheck = Check<ControlSession>;

/** Judges every command of the run. */
function shape(
  name: string,
  title: string,
  source: string,
  isKept: (message: ReceivedMessage) => boolean,
  level: Level = "must",
): ControlCheck {
  return {
    id: `command/${name}`,
    level,
    title: `its commands ${title}`,
    source,
    run(session) {
      const sent = session.messages.filter((each) => typeOf(each) === "command");
      if (sent.length === 0) throw new NotApplicable("it sent no command");
      const wrong = sent.find((each) => !isKept(each));
      expectThat(wrong === undefined, `commands that ${title}`, wrong?.value);
    },
  };
}

/** The control plane takes this answer to a command without an error. */
function takes(
  name: string,
  what: string,
  source: string,
  answer: (id: string) => string,
): ControlCheck {
  return {
    id: `answer/${name}`,
    level: "must",
    title: `takes ${what}`,
    source,
    async run(session) {
      const link = await session.connect();
      const id = String(requestIdOf(await session.command(link)));
      await session.requireAccepted(link, () => link.send(answer(id)));
    },
  };
}

const response = (id: string, payload: JsonObject) =>
  message("response", payload, { request_id: id });

export const commandChecks: ControlCheck[] = [
  {
    id: "command/arrives",
    level: "must",
    title: "sends a command",
    source: standard.sends,
    async run(session) {
      const link = await session.connect();
      const command = await session.command(link);
      link.send(response(String(requestIdOf(command)), { status: "success" }));
      await session.settle(link);
    },
  },
  takes("success", "a response with the status success", standard.status, (id) =>
    response(id, { status: "success" }),
  ),
  takes("failed", "a response with the status failed and a message", standard.message, (id) =>
    response(id, { status: "failed", message: "it did not work" }),
  ),
  takes("error", "an error in the place of a response", standard.invalid, (id) =>
    message("error", { code: "INVALID_COMMAND", message: "not recognized" }, { request_id: id }),
  ),
  takes("own-code", "an error with a code of the agent's own", standard.code, (id) =>
    message("error", { code: "DISK_ON_FIRE", message: "run" }, { request_id: id }),
  ),
  takes("extra-field", "a response with unknown fields", decisions.unknownFields, (id) =>
    message("response", { status: "success", color: "green" }, { request_id: id, trace: "1" }),
  ),
  takes("long-message", "a response with a message of 16,000 characters", standard.limit, (id) =>
    response(id, { status: "success", message: "x".repeat(16_000) }),
  ),
  {
    id: "answer/second",
    level: "should",
    title: "keeps the connection when an answer comes twice",
    source: decisions.secondAnswer,
    async run(session) {
      const link = await session.connect();
      const id = String(requestIdOf(await session.command(link)));
      link.send(response(id, { status: "success" }));
      link.send(response(id, { status: "failed" }));
      await session.settle(link);
      expectThat(link.closed === undefined, "an open connection", link.closed?.code);
    },
  },
  {
    id: "answer/late",
    level: "should",
    title: "takes an answer on the next connection",
    source: decisions.lateAnswer,
    async run(session) {
      const first = await session.connect();
      const id = String(requestIdOf(await session.command(first)));
      first.destroy();
      const link = await session.connect();
      await session.requireAccepted(link, () => link.send(response(id, { status: "success" })));
    },
  },
  {
    id: "command/once",
    level: "should",
    title: "sends a command once, also when the connection breaks before its answer",
    source: decisions.sentOnce,
    async run(session) {
      const first = await session.connect();
      const id = requestIdOf(await session.command(first));
      first.destroy();
      const link = await session.connect();
      session.heartbeat(link);
      await sleep(Math.min(session.options.answerMs, 500));
      const again = link.messages.find((each) => requestIdOf(each) === id);
      expectThat(again === undefined, "no second sending", again?.value);
      link.send(response(String(id), { status: "success" }));
      await session.settle(link);
    },
  },
];

export const commandShapes: ControlCheck[] = [
  shape("request-id", "have a request_id", standard.unique, (each) => {
    const id = requestIdOf(each);
    return typeof id === "string" && id !== "";
  }),
  shape(
    "request-id-length",
    "have a request_id of at most 128 characters",
    decisions.requestIdText,
    (each) => String(requestIdOf(each)).length <= 128,
  ),
  shape(
    "timestamp",
    "have a timestamp in ISO 8601 and UTC",
    standard.timestamp,
    ({ value }) => isJsonObject(value) && isUtcTimestamp(value.timestamp),
  ),
  shape(
    "payload",
    "have a payload that is an object",
    standard.payload,
    ({ value }) => isJsonObject(value) && isJsonObject(value.payload),
  ),
  shape("name", "have a name that is a text and not empty", standard.command, (each) => {
    const { command } = payloadOf(each);
    return typeof command === "string" && command !== "";
  }),
  shape(
    "parameters",
    "have parameters that are an object, or none",
    standard.parameters,
    (each) => {
      const { parameters } = payloadOf(each);
      return parameters === undefined || isJsonObject(parameters);
    },
  ),
  shape(
    "size",
    "have at most 65,536 bytes",
    standard.limit,
    ({ text }) => Buffer.byteLength(text) <= messageBytesMax,
  ),
  {
    id: "command/unique",
    level: "must",
    title: "gives each command a request_id of its own",
    source: standard.requestId,
    run(session) {
      const commands = session.messages.filter((each) => typeOf(each) === "command");
      // A command that is sent again is the same text; another check judges that.
      const ids = [...new Map(commands.map((each) => [each.text, requestIdOf(each)])).values()];
      if (ids.length < 2) throw new NotApplicable("it sent fewer than two commands");
      const twice = ids.find((id, index) => ids.indexOf(id) !== index);
      expectThat(twice === undefined, "different request_ids", shown(twice));
    },
  },
];
