/**
 * The main job on real processes, as one suite for any pair of runtimes: a command and its answer,
 * with either side killed or away in between. Each pair is a file of a few lines beside this one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JobDetail, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import {
  connectedAgent,
  type Flavour,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

export function mainJobSuite(control: Flavour, agentFlavour: Flavour): void {
  describe(`control plane on ${control}, agent on ${agentFlavour}`, () => {
    const dataDir = temporaryDir();
    const id = "web-1";
    let serving: Serving;
    let agent: Running;
    const logs: Running[] = [];

    const agentAgain = async () => {
      agent = await connectedAgent({ dataDir, id, flavour: agentFlavour });
      logs.push(agent);
    };
    const send = (...args: string[]) =>
      wsctl(["send", ...args, "--agent", id, "--data-dir", dataDir, "--json"]);
    const outcomeOf = async (...args: string[]) => {
      const { stdout, stderr, code } = await send(...args);
      expect(stderr).toBe("");
      return { code, line: JSON.parse(stdout) as OutcomeLine };
    };
    const job = async (jobId: string) => {
      const shown = await wsctl(["jobs", "show", jobId, "--data-dir", dataDir, "--json"]);
      return JSON.parse(shown.stdout) as JobDetail;
    };

    beforeAll(async () => {
      serving = await startServe({ dataDir, flavour: control });
      await agentAgain();
    });
    afterAll(async () => {
      await agent[Symbol.asyncDispose]();
      await serving[Symbol.asyncDispose]();
      dataDir[Symbol.dispose]();
    });

    test("ping is answered", async () => {
      const { code, line } = await outcomeOf("ping");
      expect(code).toBe(0);
      expect(line).toMatchObject({
        agent: id,
        command: "ping",
        outcome: "success",
        message: "pong",
      });
    });

    test("info tells the runtime", async () => {
      const { line } = await outcomeOf("info");
      const runtime = agentFlavour === "deno" ? "deno" : "bun";
      expect((line.result as { runtime: string }).runtime).toStartWith(runtime);
    });

    test("an unknown command is an error with its code", async () => {
      const { code, line } = await outcomeOf("shutdown");
      expect(code).toBe(1);
      expect(line).toMatchObject({ outcome: "error", code: "INVALID_COMMAND" });
    });

    test("restart is answered by the process that comes back", async () => {
      const before = await outcomeOf("info");
      const { code, line } = await outcomeOf("restart", "--param", "delay_seconds=0.2");
      expect({ code, outcome: line.outcome }).toEqual({ code: 0, outcome: "success" });
      const after = await outcomeOf("info");
      const startedAt = (result: unknown) => (result as { started_at: string }).started_at;
      expect(startedAt(after.line.result) > startedAt(before.line.result)).toBe(true);
    });

    test("a request for an agent that is away is delivered when it returns", async () => {
      await agent.kill();
      const seen = serving.process.lines.length;
      const sent = send("ping", "--ttl", "5m");
      await serving.process.logged(/job accepted/, seen);
      await agentAgain();
      const { code, stdout } = await sent;
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ outcome: "success", message: "pong" });
    });

    test("a command that ran when the agent was killed is lost, and is not run again", async () => {
      const sent = send("restart", "--param", "delay_seconds=20");
      const [, requestId] = await agent.logged(
        /running command=restart request_id=(\S+)/,
        agent.lines.length,
      );
      await agent.kill();
      await agentAgain();
      const { code, stdout } = await sent;
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        request_id: requestId,
        outcome: "lost",
        code: "INTERRUPTED",
      });
    });

    test("a command outlives the crash of the control plane, and so does the waiting operator", async () => {
      const seen = agent.lines.length;
      const sent = send("restart", "--param", "delay_seconds=1");
      await agent.logged(/running command=restart/, seen);
      await serving.process.kill();
      serving = await startServe({ dataDir, flavour: control, port: serving.port });
      const { code, stdout } = await sent;
      expect(code).toBe(0);
      const line = JSON.parse(stdout) as OutcomeLine;
      expect(line.outcome).toBe("success");
      const { ended, total, requests } = await job(line.job_id);
      expect({ ended, total, state: requests[0]?.state }).toEqual({
        ended: 1,
        total: 1,
        state: "success",
      });
    });

    test("no request was run twice", () => {
      const ran = logs
        .flatMap((log) => log.lines)
        .flatMap((line) => /running .*request_id=(\S+)/.exec(line)?.[1] ?? []);
      expect(ran.length).toBeGreaterThan(5);
      expect(new Set(ran).size).toBe(ran.length);
    });

    test("both sides end in order on SIGTERM", async () => {
      expect(await serving.process.stop()).toBe(0);
      await agent.logged(/connection lost \(1012/);
      expect(await agent.stop()).toBe(0);
    });
  });
}
