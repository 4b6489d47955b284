/** Signed schedules on the binary: with a control plane that is honest, and with one that is not. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ScheduleSpec, ScheduleView } from "../../lib/protocol/api/schedules.ts";
import type { JobDetail, JobView } from "../../lib/protocol/api/views.ts";
import { timestamp } from "../../lib/protocol/timestamp.ts";
import type { Command } from "../../lib/protocol/wire/message.ts";
import { Inbox } from "../support/clients/inbox.ts";
import { hourly, newSigner, scheduledRun } from "../support/fixtures/signedSchedules.ts";
import { expectRefusal, jsonLines } from "../support/processes/cli.ts";
import { JoinableFleet } from "../support/processes/fleet.ts";
import {
  connectedAgent,
  Running,
  temporaryDir,
  wsctl,
  wsctlCommand,
} from "../support/processes/processes.ts";

setDefaultTimeout(60_000);

describe("a schedule for an agent that takes only signed commands", () => {
  let fleet: JoinableFleet;
  let desk: string;
  const agentArgs: string[] = [];
  let host: string;
  let agent: Running;
  const keys: Record<string, string> = {};
  const key = async (name: string) => {
    const made = await fleet.run("release", "generate-key", join(desk, name));
    keys[name] = made.stdout.trim().split("\n").at(-1) ?? "";
  };
  const create = (name: string, ...words: string[]) =>
    fleet.run("schedules", "create", name, ...words);
  const sign = (...names: string[]) => names.flatMap((name) => ["--sign", join(desk, name)]);
  const show = async (name: string) => {
    return jsonLines<ScheduleView>(await fleet.run("schedules", "show", name, "--json"))[0]!;
  };
  /** The schedule, once wsctl has paused it. */
  const ended = async (name: string): Promise<ScheduleView> => {
    for (;;) {
      const view = await show(name);
      if (view.pause_reason !== undefined) return view;
      await Bun.sleep(50);
    }
  };
  const jobsOf = async (name: string): Promise<JobDetail[]> => {
    const listed = await fleet.run("jobs", "list", "--json");
    const all = listed.stdout === "" ? [] : jsonLines<JobView>(listed);
    const mine = all.filter(({ schedule }) => schedule === name).reverse();
    const details: JobDetail[] = [];
    for (const { job_id: id } of mine) {
      const watched = await fleet.run("jobs", "watch", id);
      expect(watched.stderr).not.toInclude("wsctl: ");
      details.push(jsonLines<JobDetail>(await fleet.run("jobs", "show", id, "--json"))[0]!);
    }
    return details;
  };
  const outcomes = (jobs: JobDetail[]) =>
    jobs.flatMap(({ requests }) => requests.map(({ state, code }) => code ?? state));

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    desk = fleet.newHost();
    for (const name of ["alice", "bob", "carol"]) await key(name);
    host = fleet.newHost();
    agentArgs.push("--id", "web-1", "--trust", `ping=${keys.alice}`);
    agentArgs.push("--trust", `info=2:${keys.alice},${keys.bob}`);
    agent = fleet.agent(host, ...agentArgs, "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("is refused if it is not signed, and each of its runs if it is forced", async () => {
    const words = ["ping", "--agent", "web-1", "--every", "1s"];
    expectRefusal(await create("plain", ...words), 1, /web-1" requires signed commands.*--sign/);
    const wrong = await create("plain", ...words, ...sign("carol"), "--not-after", "1h");
    expectRefusal(wrong, 1, /1 of its keys [0-9a-f]{16} must sign "ping", and 0 did/);
    expect((await create("plain", ...words, "--force")).code).toBe(0);
    for (;;) {
      const jobs = await jobsOf("plain");
      if (jobs.length === 0) continue;
      expect(outcomes(jobs)[0]).toBe("FORBIDDEN");
      expect(jobs[0]?.requests[0]?.message).toInclude("wsctl schedules create --sign KEY");
      break;
    }
    await fleet.run("schedules", "delete", "plain");
  });

  test("runs as often as it is signed, across a restart of the agent, and then pauses", async () => {
    const file = join(desk, "pulse.json");
    const bounds = ["--not-after", "1h", "--max-runs", "3", "--save", file];
    const words = ["ping", "--agent", "web-1", "--every", "1s", ...sign("alice")];
    expect((await create("pulse", ...words, ...bounds)).stdout).toBe(`${file}\n`);
    const made = await fleet.run("schedules", "create", "--signed", file);
    expect(made.stdout).toStartWith("pulse: first at 20");
    expect(made.stderr).toStartWith("Signed for at most 3 runs until 20");
    expectRefusal(await fleet.run("schedules", "run-now", "pulse"), 1, /only its due times/);
    await agent.stop();
    agent = fleet.agent(host, ...agentArgs, "--server", fleet.serving.url);
    await agent.logged(/ connected$/);

    const view = await ended("pulse");
    expect(view.pause_reason).toStartWith("its signatures allowed 3 runs, which started");
    expect(view.signed).toMatchObject({ max_runs: 3, runs_left: 0, ends_soon: true });
    expect(outcomes(await jobsOf("pulse"))).toEqual(["success", "success", "success"]);
    const resumed = await fleet.run("schedules", "resume", "pulse");
    expectRefusal(resumed, 1, /Cannot resume schedule "pulse": its signatures allowed 3 runs/);
    expect((await fleet.run("schedules")).stdout).toMatch(/pulse .* paused +0 runs, until 20/);
    const shown = (await fleet.run("schedules", "show", "pulse")).stdout;
    expect(shown).toMatch(/signed by +[0-9a-f]{16}\n/);
    expect(shown).toMatch(/signed for +20\S+Z to 20\S+Z, at most 3 runs\n/);
    const about = ["--json", "--after", "0", "--type", "schedule.ending,schedule.failed"];
    const reading = ["events", ...about, "--data-dir", `${fleet.dataDir}`];
    await using events = new Running([...wsctlCommand("binary"), ...reading]);
    await events.logged(/"schedule.failed".*its signatures allowed 3 runs/);
    const ending = events.lines.filter((line) => line.includes('"schedule.ending"'));
    expect(ending.map((line) => JSON.parse(line).data)).toEqual([
      { schedule: "pulse", command: "ping", runs_left: 2, not_after: view.signed?.not_after },
    ]);

    // The control plane forgets a schedule that is deleted. The agent does not.
    await fleet.run("schedules", "delete", "pulse");
    expect((await fleet.run("schedules", "create", "--signed", file)).code).toBe(0);
    await ended("pulse");
    const all = outcomes(await jobsOf("pulse"));
    expect(all.filter((each) => each === "success")).toHaveLength(3);
    expect(all.slice(3)).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]);
  });

  test("takes the signatures of several people, and waits for an agent through a restart", async () => {
    const file = join(desk, "two.json");
    const words = ["info", "--agent", "web-1", "--at", "2s", ...sign("alice"), "--save", file];
    expect((await create("two", ...words)).code).toBe(0);
    const few = await fleet.run("schedules", "create", "--signed", file);
    expectRefusal(few, 1, /2 of its keys .* must sign "info", and 1 did/);
    const added = await wsctl(["keys", "sign", file, "--key", join(desk, "bob")]);
    expect(added.stdout).toMatch(/schedule two, info, 1 agent, at most 1 run .*, 2 signatures\n$/);
    expectRefusal(await fleet.run("jobs", "create", file), 2, /has a schedule, not a job/);
    await agent.stop();
    expect((await fleet.run("schedules", "create", "--signed", file)).code).toBe(0);
    await ended("two");
    await fleet.restart();
    agent = fleet.agent(host, ...agentArgs, "--server", fleet.serving.url);
    expect(outcomes(await jobsOf("two"))).toEqual(["success"]);
  });

  test.each<[RegExp, string[], boolean?]>([
    [/needs --not-after TIME: signatures must not be valid for ever/, ["--every", "1h"]],
    [/it must be at most 366 days after/, ["--every", "1h", "--not-after", "367d"]],
    [/it must be in the future/, ["--every", "1h", "--not-after", "2020-01-01T00:00:00Z"]],
    [/Cannot sign: no run is due from/, ["--every", "1h", "--not-after", "30m"]],
    [/more than 100000 runs are due/, ["--every", "1s", "--not-after", "2d"]],
    [
      /--max-runs is "0": expected a number/,
      ["--every", "1h", "--not-after", "2h", "--max-runs", "0"],
    ],
    [
      /needs a --starting-deadline/,
      ["--every", "1h", "--not-after", "2h", "--starting-deadline", "none"],
    ],
    [/Flag --max-runs needs --sign KEY/, ["--every", "1h", "--max-runs", "3"], false],
    [/Flag --signed takes no other agent/, ["--signed", "file"], false],
  ])("is not signed without sensible bounds: %p", async (says, words, isSigned = true) => {
    const named = words[0] === "--signed" ? [] : ["odd", "ping"];
    const keyed = isSigned ? sign("alice") : [];
    const to = ["--agent", "web-1"];
    const made = await fleet.run("schedules", "create", ...named, ...to, ...words, ...keyed);
    expectRefusal(made, 2, says);
  });

  test("is refused by the agent if the file was changed after it was signed", async () => {
    const file = join(desk, "changed.json");
    const bounds = ["--not-after", "1h", "--max-runs", "1", "--save", file];
    const words = ["ping", "--agent", "web-1", "--every", "1s", ...sign("alice"), ...bounds];
    expect((await create("changed", ...words)).code).toBe(0);
    const order = JSON.parse(readFileSync(file, "utf8")) as ScheduleSpec;
    writeFileSync(file, JSON.stringify({ ...order, timing: { every_seconds: 2 } }));
    expect((await fleet.run("schedules", "create", "--signed", file)).code).toBe(0);
    await ended("changed");
    expect(outcomes(await jobsOf("changed"))).toEqual(["FORBIDDEN"]);
    const other = { ...order, job: { ...order.job, target: { all: true } } };
    writeFileSync(file, JSON.stringify({ ...other, name: "other" }));
    const created = await fleet.run("schedules", "create", "--signed", file);
    expectRefusal(created, 1, /do not cover exactly the agents of its target/);
  });
});

/** A control plane in the hands of an attacker. */
class Attacker implements Disposable {
  readonly answers = new Inbox<{ type: string; request_id?: string; payload: object }>();
  readonly #connected = new Inbox<Bun.ServerWebSocket<undefined>>();
  readonly #server = Bun.serve<undefined>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) => {
      server.upgrade(request, { headers: { "Sec-WebSocket-Protocol": "wsctl.v1" } });
    },
    websocket: { message: (socket, text) => this.#received(socket, String(text)) },
  });
  #sent = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Sends a command to the latest connection, and returns the code of its error, or its status. */
  async send(command: Command, connection: number): Promise<string | undefined> {
    const socket = await this.#connected.first("connection", (each) => each, connection);
    const id = `request-${++this.#sent}`;
    socket.send(JSON.stringify({ ...command, request_id: id, timestamp: timestamp(Date.now()) }));
    return this.answers.first("answer", ({ request_id, payload }) => {
      const { code, status } = payload as { code?: string; status?: string };
      return request_id === id ? (code ?? status) : undefined;
    });
  }

  #received(socket: Bun.ServerWebSocket<undefined>, text: string): void {
    const message = JSON.parse(text) as { type: string; payload: object };
    this.answers.add(message);
    if (message.type !== "hello") return;
    const ids = { agent_id: "web-1", journal_id: "journal", epoch: this.#connected.all.length + 1 };
    const pacing = { heartbeat_seconds: 60, reconnect_seconds: 0 };
    const payload = { protocol_version: 1, ...ids, ...pacing };
    const welcome = { type: "welcome", timestamp: timestamp(Date.now()), payload };
    socket.send(JSON.stringify(welcome));
    this.#connected.add(socket);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

test("a signed schedule bounds what a control plane of an attacker can run", async () => {
  using attacker = new Attacker();
  using dataDir = temporaryDir();
  const alice = newSigner();
  const tokenFile = join(dataDir, "token");
  writeFileSync(tokenFile, `wsctl-0123456789ab-${"5".repeat(64)}`, { mode: 0o600 });
  const args = ["--server", attacker.url, "--token-file", tokenFile, "--trust", alice.text];
  const start = () => connectedAgent({ dataDir, id: "web-1", args });
  const begin = Math.floor(Date.now() / 1000) * 1000 - 100_000;
  const schedule = {
    ...hourly,
    timing: { every_seconds: 10 },
    not_before: timestamp(begin),
    not_after: timestamp(begin + 3_600_000),
    max_runs: 2,
  };
  const subject = { agent: "web-1", command: "ping", parameters: {}, schedule };
  const run = (seconds: number, sent: Partial<Command["payload"]> = {}) =>
    scheduledRun([alice], timestamp(begin + seconds * 1000), subject, sent);

  {
    await using _agent = await start();
    expect(await attacker.send(run(10), 0)).toBe("success");
    expect(await attacker.send(run(10), 0)).toBe("FORBIDDEN");
    expect(await attacker.send(run(15), 0)).toBe("FORBIDDEN");
    expect(await attacker.send(run(1_000), 0)).toBe("FORBIDDEN");
    expect(await attacker.send(run(20, { command: "info" }), 0)).toBe("FORBIDDEN");
    expect(await attacker.send(run(20, { parameters: { a: 1 } }), 0)).toBe("FORBIDDEN");
    const more = { ...schedule, max_runs: 100 };
    expect(await attacker.send(run(20, { schedule: more }), 0)).toBe("FORBIDDEN");
  }
  await using _agent = await start();
  expect(await attacker.send(run(10), 1)).toBe("FORBIDDEN");
  expect(await attacker.send(run(20), 1)).toBe("success");
  expect(await attacker.send(run(30), 1)).toBe("FORBIDDEN");
});
