/** The session of the client library: nothing is lost or doubled when what is between breaks. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "../../../lib/client/createClient.ts";
import type { ClientSession } from "../../../lib/client/session/clientSession.ts";
import { isOutput } from "../../../lib/client/streamCursor.ts";
import type { JobView, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import type { JsonObject } from "../../../lib/protocol/json.ts";
import { BigFleet, membersOf } from "../../support/processes/bigFleet.ts";
import { adminToken } from "../../support/processes/cli.ts";
import { TcpProxy } from "../../support/servers/tcpProxy.ts";

setDefaultTimeout(60_000);

const members = membersOf(25);
const agents = members.map(({ id }) => id);
const order = (parameters: JsonObject = {}) => ({
  ...{ command: "work", parameters, force: true },
  target: { agents },
});

describe("a session of the client", () => {
  let fleet: BigFleet;
  let proxy: TcpProxy;
  let session: ClientSession;

  beforeEach(async () => {
    fleet = await BigFleet.start(members);
    proxy = await TcpProxy.to(fleet.serving.port);
    const token = adminToken(`${fleet.dataDir}`);
    session = await createClient({ server: `http://127.0.0.1:${proxy.port}`, token }).session();
  });
  afterEach(async () => {
    await session.close();
    await proxy[Symbol.asyncDispose]();
    await fleet[Symbol.asyncDispose]();
  });

  /** Sends a job and returns it with all its outcomes. */
  async function run(parameters?: JsonObject): Promise<{ job: JobView; lines: OutcomeLine[] }> {
    const { accepted, lines } = await session.send(order(parameters));
    const outcomes: OutcomeLine[] = [];
    for await (const line of lines) if (!isOutput(line)) outcomes.push(line);
    return { job: accepted.job, lines: outcomes };
  }

  /** Every job was created once, and has each outcome once. */
  async function check(done: { job: JobView; lines: OutcomeLine[] }[]): Promise<void> {
    for (const { job, lines } of done) {
      expect(lines.map(({ agent }) => agent).sort()).toEqual([...agents].sort());
      expect(lines.map(({ outcome, job_id }) => [outcome, job_id])).toEqual(
        lines.map(() => ["success", job.job_id]),
      );
    }
    const { items } = await fleet.client.jobs({ limit: 500 });
    expect(items.map(({ job_id }) => job_id).sort()).toEqual(
      done.map(({ job }) => job.job_id).sort(),
    );
    expect(new Set(fleet.ran()).size).toBe(done.length * agents.length);
    expect(fleet.ran()).toHaveLength(done.length * agents.length);
  }

  test("survives cut connections", async () => {
    const running: ReturnType<typeof run>[] = [];
    for (let round = 0; round < 8; round++) {
      const logged = fleet.serving.process.lines.length;
      for (let index = 0; index < 5; index++) {
        running.push(run({ ms: 20 * index }));
        // Each goes into a commit of its own, and most acceptances are on their way at the cut.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await fleet.serving.process.logged(/job accepted/, logged);
      proxy.cut();
    }
    await check(await Promise.all(running));
  });

  test("survives a control plane that is killed", async () => {
    const running = Array.from({ length: 50 }, (_, index) => run({ ms: 10 * index }));
    await Promise.race(running);
    await fleet.restart();
    await check(await Promise.all(running));
  });

  test("replaces a connection that falls silent, and the control plane ends it", async () => {
    const { accepted, lines } = await session.send(order({ ms: 1_000 }));
    proxy.freeze();
    const outcomes: OutcomeLine[] = [];
    for await (const line of lines) if (!isOutput(line)) outcomes.push(line);
    await fleet.serving.process.logged(/operator session closed/);
    await check([{ job: accepted.job, lines: outcomes }]);
  });

  test("sends what is too long for one message", async () => {
    const target = {
      agents: Array.from({ length: 8_000 }, (_, index) => agents[index % agents.length] ?? ""),
    };
    const { lines } = await session.send({ ...order(), target });
    const outcomes: string[] = [];
    for await (const line of lines) if (!isOutput(line)) outcomes.push(line.outcome);
    expect(outcomes).toEqual(agents.map(() => "success"));
  });

  test("reads as slowly as its reader, and takes further jobs meanwhile", async () => {
    // More than the credit in all.
    const says = "ä".repeat(15_000);
    const slow = await session.send({ ...order({ says }), command: "say" });
    const iterator = slow.lines[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    expect((await run()).lines).toHaveLength(agents.length);
    let count = 1;
    while (!(await iterator.next()).done) count++;
    expect(count).toBe(agents.length);
  });

  test("reports a revoked token to every reader, and refuses further jobs", async () => {
    const { token, token_id } = await fleet.client.createToken({ role: "operator" });
    const server = fleet.serving.url;
    await using own = await createClient({ server, token }).session();
    const { lines } = await own.send(order({ ms: 30_000 }));
    const reader = async () => {
      for await (const line of lines) if (isOutput(line)) return;
    };
    const read = reader().catch((error) => error);
    await fleet.client.revokeToken(token_id);
    expect(await read).toMatchObject({ code: "UNAUTHORIZED" });
    await expect(own.send(order())).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await expect(createClient({ server, token }).session()).rejects.toMatchObject({
      code: "UNAUTHORIZED",
    });
  });

  test("stops reading a job when the reader leaves or its signal is aborted", async () => {
    const abort = new AbortController();
    const { lines } = await session.send(order({ ms: 30_000 }), { signal: abort.signal });
    abort.abort(new Error("enough"));
    const read = (async () => {
      for await (const line of lines) if (isOutput(line)) return;
    })();
    await expect(read).rejects.toThrow("enough");
    const left = await session.send(order());
    for await (const line of left.lines) {
      expect(line).toMatchObject({ outcome: "success" });
      break;
    }
    expect((await run()).lines).toHaveLength(agents.length);
  });
});
