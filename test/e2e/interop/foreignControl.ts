/**
 * A control plane that knows only the communication standard, with `wsctl agent`: one suite for
 * strangers of any language and agents on any runtime.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  type Language,
  type StandardMessage,
  Stranger,
} from "../../support/clients/foreignPeer.ts";
import { expectStandard, fromAgent, standardText } from "../../support/fixtures/standard.ts";
import {
  type Flavour,
  type Running,
  startAgent,
  temporaryDir,
} from "../../support/processes/processes.ts";
import { TcpProxy } from "../../support/servers/tcpProxy.ts";
import { junk } from "./foreignJunk.ts";

setDefaultTimeout(60_000);

export function strangerControlSuite(flavour: Flavour, language: Language): void {
  describe(`a stranger's control plane in ${language}, agent on ${flavour}`, () => {
    const dataDir = temporaryDir();
    let control: Stranger;
    let proxy: TcpProxy;
    let agent: Running;
    const logs: Running[] = [];
    let requests = 0;

    const start = (port: number) => {
      const args = ["--server", `ws://127.0.0.1:${port}`, "--heartbeat", "1s"];
      const env = { WSCTL_TOKEN: "anything" };
      agent = startAgent({ dataDir, id: "web-1", flavour, args, env });
      logs.push(agent);
    };
    const say = (command: string, parameters?: object, id = `request-${++requests}`) => {
      const payload = { command, ...(parameters === undefined ? {} : { parameters }) };
      control.say(standardText("command", payload, id));
      return id;
    };
    const answer = (id: string, from: number) =>
      control.message(`answer to ${id}`, (message) => message.request_id === id, from);
    const ask = (command: string, parameters?: object, id?: string) => {
      const from = control.mark;
      return answer(say(command, parameters, id), from);
    };
    /** A connection of its own that it speaks on, after the mark. */
    const connected = async (from = 0) => {
      const event = await control.event("connected", from);
      const isHeartbeat = ({ type }: StandardMessage) => type === "heartbeat";
      await control.message("heartbeat", isHeartbeat, control.events.all.indexOf(event));
    };
    const runsOf = (id: string) =>
      logs.flatMap((log) => log.lines).filter((line) => line.endsWith(`request_id=${id}`)).length;

    beforeAll(async () => {
      control = new Stranger(language, "foreignControl", ["0"]);
      proxy = await TcpProxy.to((await control.event("listening")).port ?? 0);
      start(proxy.port);
      await connected();
    });
    afterAll(async () => {
      for (const log of logs) await log[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await control[Symbol.asyncDispose]();
      dataDir[Symbol.dispose]();
    });

    test("the agent shows its token, and reports by itself", async () => {
      expect((await control.event("connected")).authorization).toBe("Bearer anything");
      await control.message("heartbeat", ({ type }) => type === "heartbeat");
      const status = await control.message("status", ({ type }) => type === "status_update");
      expect(status.payload.cpu_usage).toMatch(/^\d+(\.\d+)?%$/);
      expect(status.payload.memory_usage).toMatch(/^\d+(\.\d+)?(MB|GB)$/);
    });

    test("1,200 commands in a few seconds are answered, none with BUSY", async () => {
      const types = new Map<string, number>();
      for (let round = 0; round < 12; round++) {
        const from = control.mark;
        const ids = Array.from({ length: 100 }, () => say("ping"));
        for (const id of ids) {
          const { type } = await answer(id, from);
          types.set(type, (types.get(type) ?? 0) + 1);
        }
      }
      expect(Object.fromEntries(types)).toEqual({ response: 1_200 });
    });

    test("ping is answered", async () => {
      const { type, payload } = await ask("ping");
      expect(type).toBe("response");
      expect(payload).toEqual({ status: "success", message: "pong" });
    });

    test("what info returns arrives as JSON inside the message", async () => {
      const { payload } = await ask("info");
      expect(payload.status).toBe("success");
      const runtime = flavour === "deno" ? "deno" : "bun";
      expect(factsIn(payload).runtime).toStartWith(runtime);
    });

    test("an unknown command is answered with INVALID_COMMAND", async () => {
      const { type, payload } = await ask("shutdown");
      expect(type).toBe("error");
      expect(payload).toMatchObject({ code: "INVALID_COMMAND" });
      expect(payload.message).toContain("'shutdown'");
    });

    test("wrong parameters are answered with INVALID_PARAMETERS", async () => {
      for (const parameters of [{ delay_seconds: "soon" }, { delay_seconds: -1 }, { delay: 1 }]) {
        const { type, payload } = await ask("restart", parameters);
        expect(type).toBe("error");
        expect(payload).toMatchObject({ code: "INVALID_PARAMETERS" });
      }
      expect((await ask("ping", { x: 1 })).payload.code).toBe("INVALID_PARAMETERS");
    });

    test("the same request_id twice gets the same answer and is not run again", async () => {
      const id = "twice";
      const first = await ask("info", undefined, id);
      const second = await ask("info", undefined, id);
      expect(second.payload).toEqual(first.payload);
      expect(runsOf(id)).toBe(1);
    });

    test("a request_id is remembered over kill -9", async () => {
      const id = "remembered";
      const first = await ask("info", undefined, id);
      await agent.kill();
      const from = control.mark;
      start(proxy.port);
      await connected(from);
      // What it repeats by itself comes before its first figures.
      await control.message("status", ({ type }) => type === "status_update", from);
      const second = await ask("info", undefined, id);
      expect(second.payload).toEqual(first.payload);
      expect(runsOf(id)).toBe(1);
      const fresh = await ask("info");
      expect(factsIn(fresh.payload).started_at).not.toBe(factsIn(second.payload).started_at);
    });

    test("restart is answered on the new connection, after the process came back", async () => {
      const from = control.mark;
      const id = say("restart", { delay_seconds: 0.1 });
      await control.event("connected", from);
      const returned = control.mark;
      const { type, payload } = await answer(id, from);
      expect(control.events.all.slice(from, returned).some(isAnswerTo(id))).toBe(false);
      expect(type).toBe("response");
      expect(payload.status).toBe("success");
      expect(payload.message).toMatch(/^restarted, version /);
      expect((await ask("ping")).payload.message).toBe("pong");
    });

    test("a command that ran when the agent was killed is not run again", async () => {
      const id = say("restart", { delay_seconds: 25 });
      await agent.logged(new RegExp(`running .*request_id=${id}`));
      await agent.kill();
      const from = control.mark;
      start(proxy.port);
      const { type, payload } = await answer(id, from);
      expect({ type, code: payload.code }).toEqual({ type: "error", code: "INTERRUPTED" });
      expect((await ask("restart", { delay_seconds: 25 }, id)).payload.code).toBe("INTERRUPTED");
      expect(runsOf(id)).toBe(1);
    });

    describe("junk is answered with an error, and the agent stays:", () => {
      for (const { name, text, code, requestId = "unknown" } of junk) {
        test(name, async () => {
          const from = control.mark;
          control.say(text);
          const { payload, request_id } = await control.message(
            "error",
            (message) => message.type === "error" && message.request_id === requestId,
            from,
          );
          expect({ request_id, code: payload.code }).toEqual({ request_id: requestId, code });
          expect((await ask("ping")).payload.message).toBe("pong");
          const since = control.events.all.slice(from).map(({ event }) => event);
          expect(since).not.toContain("closed");
        });
      }
    });

    test("an error from the control plane, also a broken one, is not answered", async () => {
      const from = control.mark;
      control.say(standardText("error", { code: "TIMEOUT", message: "too late" }, "no-such"));
      control.say(standardText("error", { code: 7 }, "broken"));
      expect((await ask("ping")).payload.message).toBe("pong");
      const since = control.received.slice(-control.events.all.slice(from).length);
      expect(since.filter(({ request_id: id }) => id === "no-such" || id === "broken")).toEqual([]);
    });

    test("a binary frame ends the connection with 1003, and the agent comes back", async () => {
      const from = control.mark;
      control.sayBinary(Buffer.from(standardText("command", { command: "ping" }, "binary")));
      expect((await control.event("closed", from)).code).toBe(1003);
      await connected(from);
      expect((await ask("ping")).payload.message).toBe("pong");
    });

    test("a message over the limit is refused by name, and the agent goes on", async () => {
      const from = control.mark;
      const filler = "x".repeat(66_000);
      control.say(standardText("command", { command: "ping", parameters: { filler } }, "large"));
      const refusal = await control.events.first(
        "refusal",
        ({ event, code, text }) => {
          if (event === "closed") return code;
          return event === "received" && text?.includes("TOO_LARGE") ? "TOO_LARGE" : undefined;
        },
        from,
      );
      expect(["TOO_LARGE", 1009]).toContain(refusal);
      if (refusal === 1009) await connected(from);
      expect((await ask("ping")).payload.message).toBe("pong");
    });

    test("a control plane that vanished without a FIN is noticed", async () => {
      const from = control.mark;
      const seen = agent.lines.length;
      proxy.freeze();
      await agent.logged(/connection lost \(1006: silent\)/, seen);
      await connected(from);
      expect((await ask("ping")).payload.message).toBe("pong");
    });

    test("a control plane that crashed is found again at its address", async () => {
      const { port = 0 } = await control.event("listening");
      const earlier = control.received;
      await control[Symbol.asyncDispose]();
      expectStandard(earlier, fromAgent);
      control = new Stranger(language, "foreignControl", [String(port)]);
      await connected();
      expect((await ask("ping")).payload.message).toBe("pong");
    });

    test("whatever the agent sent is of the standard's types and fields only", () => {
      expectStandard(control.received, fromAgent);
    });
  });
}

/** What `info` returned: for a peer of the standard, JSON in the last line of the message. */
function factsIn(payload: Record<string, unknown>): { runtime: string; started_at: string } {
  return JSON.parse(String(payload.message).split("\n").at(-1) ?? "");
}

function isAnswerTo(id: string) {
  return ({ event, text = "{}" }: { event: string; text?: string }) =>
    event === "received" && (JSON.parse(text) as StandardMessage).request_id === id;
}
