/** Traces: one from `wsctl send` through the control plane and the agent to the program. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { Inbox } from "../../support/clients/inbox.ts";
import {
  connectedAgent,
  type Running,
  type Serving,
  startServe,
  temporaryDir,
  wsctl,
} from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  status: { code?: number };
}

interface Traces {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}

/** A receiver of OTLP over HTTP, in JSON. */
const spans = new Inbox<Span>();
const collector = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    expect(new URL(request.url).pathname).toBe("/v1/traces");
    const { resourceSpans } = (await request.json()) as Traces;
    for (const { scopeSpans } of resourceSpans) {
      for (const each of scopeSpans.flatMap((scope) => scope.spans)) spans.add(each);
    }
    return Response.json({});
  },
});
const env = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
  OTEL_BSP_SCHEDULE_DELAY: "50",
};
const span = (name: string, from = 0) => {
  return spans.first(name, (each) => (each.name === name ? each : undefined), from);
};

describe("traces", () => {
  const dataDir = temporaryDir();
  let serving: Serving;
  let agent: Running;
  const exec = ["exec", "--agent", "a1", "--json", "--data-dir", `${dataDir}`, "--"];
  const printed = async (own: Record<string, string>) => {
    const done = await wsctl([...exec, "printenv", "TRACEPARENT"], { env: own });
    return (JSON.parse(done.stdout) as OutcomeLine).message ?? "";
  };

  beforeAll(async () => {
    serving = await startServe({ dataDir, env });
    const args = ["--allow-exec", "printenv *", "--allow-exec", "false"];
    agent = await connectedAgent({ dataDir, id: "a1", args, env });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    collector.stop(true);
    dataDir[Symbol.dispose]();
  });

  test("one trace leads from the command through job, request and execution to the program", async () => {
    const traceparent = await printed(env);
    const [, traceId = "", programSpan = ""] = traceparent.split("-");
    const command = await span("wsctl exec");
    const job = await span("job exec");
    const request = await span("request exec");
    const execution = await span("execute exec");
    expect([command, job, request, execution].map((each) => each.traceId)).toEqual(
      Array.from({ length: 4 }, () => traceId),
    );
    expect(command.parentSpanId).toBeUndefined();
    expect(job.parentSpanId).toBe(command.spanId);
    expect(request.parentSpanId).toBe(job.spanId);
    expect(execution.parentSpanId).toBe(request.spanId);
    expect(execution.spanId).toBe(programSpan);
    // The lines of the agent lead to the trace, too.
    await agent.logged(new RegExp(`ended command=exec .*trace_id=${traceId} status=success`));
  });

  test("the trace of the environment goes on, and a failure marks its spans", async () => {
    const from = spans.all.length;
    const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const failed = await wsctl([...exec, "false"], { env: { ...env, TRACEPARENT: given } });
    expect(failed.code).toBe(1);
    const command = await span("wsctl exec", from);
    expect(command).toMatchObject({
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      parentSpanId: "00f067aa0ba902b7",
    });
    for (const name of ["job exec", "request exec", "execute exec"]) {
      expect(await span(name, from)).toMatchObject({
        traceId: command.traceId,
        status: { code: 2 },
      });
    }
  });

  test("a position that is not sampled is passed on, and none is sent", async () => {
    const from = spans.all.length;
    const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    const traceparent = await printed({ ...env, TRACEPARENT: given });
    expect(traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/);
    await printed(env);
    await span("execute exec", from);
    const ids = spans.all.slice(from).map(({ traceId }) => traceId);
    expect(ids).not.toContain("4bf92f3577b34da6a3ce929d0e0e4736");
  });
});

test("without a collector, a given position still reaches the program, and a wrong one does not", async () => {
  using dataDir = temporaryDir();
  await using _serving = await startServe({ dataDir });
  await using _agent = await connectedAgent({ dataDir, id: "a1", args: ["--allow-exec", "env"] });
  const run = async (traceparent: string) => {
    const args = ["exec", "--agent", "a1", "--json", "--data-dir", `${dataDir}`, "--", "env"];
    const done = await wsctl(args, { env: { TRACEPARENT: traceparent } });
    return (JSON.parse(done.stdout) as OutcomeLine).message ?? "";
  };
  const given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect(await run(given)).toMatch(
    /^TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/m,
  );
  expect(await run("00-0-0-0")).not.toContain("TRACEPARENT");
});

test("a collector that cannot be reached is logged once, with its address", async () => {
  using dataDir = temporaryDir();
  const dead = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://ops:secret@127.0.0.1:1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "200",
    OTEL_BSP_SCHEDULE_DELAY: "50",
  };
  await using serving = await startServe({ dataDir, env: dead });
  await using _agent = await connectedAgent({ dataDir, id: "a1" });
  const ping = ["send", "ping", "--agent", "a1", "--data-dir", `${dataDir}`];
  expect(await wsctl(ping)).toMatchObject({ code: 0 });
  const { process } = serving;
  await process.logged(
    /ERROR Cannot export spans to http:\/\/127\.0\.0\.1:1\/: connection refused/,
  );
  expect(await wsctl(ping)).toMatchObject({ code: 0 });
  expect(process.lines.join("\n")).not.toContain("secret");
});
