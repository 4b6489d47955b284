/** What an agent does with commands. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../../protocol/json.ts";
import type { AgentSession } from "../agentSession.ts";
import { type Check, Mismatch, NotApplicable } from "../check.ts";
import { decisions, standard } from "../sources.ts";
import { expectThat, payloadOf, requestIdOf, shown, typeOf } from "../wire.ts";

type AgentCheck = Check<AgentSession>;

export const commandChecks: AgentCheck[] = [
  {
    id: "command/response",
    level: "must",
    title: "answers a command with a response",
    source: standard.responds,
    run: async (session) => void (await session.requireResponse(await session.sendCommand())),
  },
  {
    id: "command/success",
    level: "should",
    title: "answers a command that works with the status success",
    source: standard.status,
    async run(session) {
      const answer = await session.requireResponse(await session.sendCommand());
      const { status } = payloadOf(answer);
      expectThat(status === "success", "success", status);
    },
  },
  {
    id: "command/once",
    level: "must",
    title: "answers a command once",
    source: decisions.once,
    async run(session) {
      const sent = await session.sendCommand();
      await session.requireResponse(sent);
      await sleep(Math.min(session.options.answerMs, 300));
      const answers = sent.link.messages.filter((each) => requestIdOf(each) === sent.id);
      expectThat(answers.length === 1, "one answer", answers.length);
    },
  },
  {
    id: "command/two-at-once",
    level: "must",
    title: "answers two commands that are sent together, each under its own request_id",
    source: standard.requestId,
    async run(session) {
      const sent = [await session.sendCommand(), await session.sendCommand()];
      for (const each of sent) await session.requireResponse(each);
    },
  },
  {
    id: "command/sixteen-at-once",
    level: "should",
    title: "answers sixteen commands that are sent together",
    source: standard.responds,
    async run(session) {
      const sent = [];
      for (let index = 0; index < 16; index++) sent.push(await session.sendCommand());
      for (const each of sent) {
        const answer = await session.answer(each);
        if (answer === undefined) throw new Mismatch("expected sixteen answers, one is missing");
      }
    },
  },
  {
    id: "command/repeated",
    level: "should",
    title: "repeats its answer where a request_id comes again",
    source: decisions.repeated,
    async run(session) {
      const first = await session.sendCommand();
      const answer = await session.requireResponse(first);
      const again = await session.sendCommand({ request_id: first.id });
      const repeated = await session.requireResponse(again);
      const [one, two] = [payloadOf(answer), payloadOf(repeated)];
      expectThat(one.status === two.status && one.message === two.message, shown(one), two);
    },
  },
  {
    id: "command/unknown",
    level: "must",
    title: "answers a command that it does not know with an error",
    source: standard.invalid,
    async run(session) {
      const sent = await session.sendCommand({}, { command: "no_such_command_anywhere" });
      const answer = await session.answer(sent);
      if (answer === undefined)
        throw new Mismatch("expected an error with the request_id, got nothing");
      expectThat(typeOf(answer) === "error", "an error", answer.value);
    },
  },
  {
    id: "command/unknown-code",
    level: "should",
    title: "names an unknown command INVALID_COMMAND",
    source: standard.code,
    async run(session) {
      const sent = await session.sendCommand({}, { command: "no_such_command_anywhere" });
      const answer = await session.answer(sent);
      if (answer === undefined || typeOf(answer) !== "error")
        throw new NotApplicable("no error came");
      const { code } = payloadOf(answer);
      expectThat(code === "INVALID_COMMAND", "INVALID_COMMAND", code);
    },
  },
  {
    id: "command/case",
    level: "may",
    title: "tells names of commands apart by their case",
    source: standard.command,
    async run(session) {
      const { command } = session.options;
      const other =
        command === command.toUpperCase() ? command.toLowerCase() : command.toUpperCase();
      if (other === command) throw new NotApplicable("the command has no letters");
      const answer = await session.answer(await session.sendCommand({}, { command: other }));
      const type = answer === undefined ? undefined : typeOf(answer);
      expectThat(type === "error", "an error", type);
    },
  },
  {
    id: "command/prototype-name",
    level: "must",
    title: "takes no command from names such as constructor and __proto__",
    source: standard.invalid,
    async run(session) {
      for (const command of ["constructor", "__proto__", "toString"]) {
        const answer = await session.answer(await session.sendCommand({}, { command }));
        const type = answer === undefined ? undefined : typeOf(answer);
        expectThat(type === "error", `an error for "${command}"`, answer?.value);
      }
    },
  },
  {
    id: "command/large-parameters",
    level: "should",
    title: "answers a command with 40,000 bytes of parameters",
    source: decisions.parameters,
    async run(session) {
      const sent = await session.sendCommand({}, { parameters: { text: "x".repeat(40_000) } });
      const answer = await session.answer(sent);
      expectThat(answer !== undefined, "a response or an error", undefined);
    },
  },
  {
    id: "command/nested-parameters",
    level: "should",
    title: "answers a command whose parameters are nested in 25 levels",
    source: decisions.nesting,
    async run(session) {
      const deep = JSON.parse(`${'{"a":'.repeat(25)}1${"}".repeat(25)}`) as JsonObject;
      const answer = await session.answer(await session.sendCommand({}, { parameters: deep }));
      expectThat(answer !== undefined, "a response or an error", undefined);
    },
  },
];
