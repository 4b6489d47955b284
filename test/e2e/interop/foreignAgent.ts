/**
 * An agent that knows only the communication standard, with `wsctl serve`: one suite for strangers
 * of any language and control planes on any runtime.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AgentView, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  type Language,
  type StandardMessage,
  Stranger,
} from "../../support/clients/foreignPeer.ts";
import { expectStandard, fromControlPlane } from "../../support/fixtures/standard.ts";
import {
  type Flavour,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

export function strangerAgentSuite(control: Flavour, language: Language): void {
  describe(`a stranger's agent in ${language}, control plane on ${control}`, () => {
    const dataDir = temporaryDir();
    const id = "stranger-1";
    let serving: Serving;
    let token = "";
    let stranger: Stranger;
    const met: Stranger[] = [];

    const connect = async (...mode: string[]) => {
      const args = [`${serving.url.replace("http", "ws")}/agent`, ...mode];
      stranger = new Stranger(language, "foreignAgent", args, { TOKEN: token });
      met.push(stranger);
      await stranger.event("connected");
    };
    const send = async (...args: string[]) => {
      const to = ["--agent", id, "--data-dir", dataDir, "--json"];
      const { code, stdout, stderr } = await wsctl(["send", ...args, ...to]);
      expect(stderr).toBe("");
      return { code, line: JSON.parse(stdout) as OutcomeLine };
    };
    const isCommand = (message: StandardMessage) => message.type === "command";

    beforeAll(async () => {
      serving = await startServe({ dataDir, flavour: control });
      const make = ["tokens", "create", "--agent", id, "--data-dir", dataDir];
      token = (await wsctl(make)).stdout.trim();
      await connect();
    });
    afterAll(async () => {
      for (const one of met) await one[Symbol.asyncDispose]();
      await serving?.[Symbol.asyncDispose]();
      dataDir[Symbol.dispose]();
    });

    test("its success is a success, and parameters reach it as they were given", async () => {
      const { code, line } = await send("echo", "--param", "name=value", "--param", "count=2");
      expect(code).toBe(0);
      expect(line).toMatchObject({
        agent: id,
        command: "echo",
        outcome: "success",
        message: '{"name":"value","count":2}',
      });
    });

    test("its failure is a failure with its message", async () => {
      const { code, line } = await send("fail");
      expect(code).toBe(1);
      expect(line).toMatchObject({ outcome: "failed", message: "it did not work" });
    });

    test("its error is an error with its code and message", async () => {
      const { code, line } = await send("shutdown");
      expect(code).toBe(1);
      expect(line).toMatchObject({
        outcome: "error",
        code: "INVALID_COMMAND",
        message: "The command 'shutdown' is not recognized.",
      });
    });

    test("its figures are shown in its own words", async () => {
      const { stdout } = await wsctl(["agents", "--data-dir", dataDir, "--json"]);
      const views = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as AgentView);
      expect(views).toHaveLength(1);
      expect(views[0]).toMatchObject({
        agent_id: id,
        online: true,
        protocol: "standard",
        cpu_usage: "30%",
        memory_usage: "1.5GB",
        open_requests: 0,
      });
    });

    test("nonsense from it is answered with errors of the standard, and it stays", async () => {
      const from = stranger.mark;
      const isError = (message: StandardMessage) => message.type === "error";
      stranger.say("this is no JSON");
      const first = await stranger.message("error", isError, from);
      expect(first).toMatchObject({ request_id: "unknown", payload: { code: "MALFORMED" } });
      stranger.say('{"type":"dance","request_id":"abc","timestamp":"2026-01-02T03:04:05Z"}');
      const second = await stranger.message("error", (m) => m.request_id === "abc", from);
      expect(second.payload.code).toBe("UNSUPPORTED_TYPE");
      expect((await send("echo")).line.outcome).toBe("success");
    });

    test("a request for it while it is away is delivered on its return", async () => {
      await stranger[Symbol.asyncDispose]();
      await serving.process.logged(/serving/);
      const seen = serving.process.lines.length;
      const sent = send("echo", "--param", "late=true", "--ttl", "5m");
      await serving.process.logged(/job accepted/, seen);
      await connect();
      const { code, line } = await sent;
      expect({ code, message: line.message }).toEqual({ code: 0, message: '{"late":true}' });
    });

    test("a command whose connection died is never sent again, and ends as lost", async () => {
      await stranger[Symbol.asyncDispose]();
      await connect("mute");
      const sent = send("echo", "--param", "once=true", "--timeout", "1s", "--ttl", "1m");
      const command = await stranger.message("command", isCommand);
      await stranger[Symbol.asyncDispose]();
      await connect();
      expect((await send("echo")).line.outcome).toBe("success");
      const { code, line } = await sent;
      expect(code).toBe(1);
      expect(line).toMatchObject({ request_id: command.request_id, outcome: "lost" });
      const ids = stranger.received.map((message) => message.request_id);
      expect(ids).toHaveLength(1);
      expect(ids).not.toContain(command.request_id);
    });

    test("whatever it was sent is a command or an error, of the standard's fields only", () => {
      const messages = met.flatMap((one) => one.received);
      expectStandard(messages, fromControlPlane);
      expect(new Set(messages.map(({ type }) => type))).toEqual(new Set(["command", "error"]));
      const ids = messages.filter(isCommand).map((message) => message.request_id);
      expect(new Set(ids).size).toBe(ids.length);
      const agreed = met.map((one) => one.events.all[0]);
      expect(agreed.every((event) => event?.event === "connected")).toBe(true);
    });
  });
}
