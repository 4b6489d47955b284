import { beforeEach, describe, expect, test } from "bun:test";
import { CommandTrust } from "../../../../lib/agent/identity/commandTrust.ts";
import { Random } from "../../../sim/random.ts";
import {
  hourly,
  newSigner,
  scheduledRun,
  signedSubject,
} from "../../../support/fixtures/signedSchedules.ts";
import { answers, InHand, kinds } from "../../../support/harness/executorInHand.ts";

const alice = newSigner();
const trust = new CommandTrust([alice.text], "web-1");
const due = (hour: number) => `2026-01-01T0${hour}:00:00.000Z`;
const work = { ...signedSubject, command: "work" };
const manyRuns = { ...hourly, max_runs: 4 };
const exclusive = { ...hourly, concurrency_policy: "forbid" as const };

describe("the executor counts the runs of a signed schedule", () => {
  let agent: InHand;
  /** The control plane sends the run that is due at this hour, under an id. */
  const send = (hour: number, requestId: string, schedule = hourly) => {
    agent.now = Date.parse(due(hour));
    const sent = { timeout_seconds: 3600 };
    const command = scheduledRun([alice], due(hour), { ...work, schedule }, sent);
    return agent.receive({ ...command, request_id: requestId });
  };
  const complete = (requestId: string) => {
    agent.finish(requestId);
    agent.step((t) => agent.executor.outbox.acknowledged(requestId, t));
  };
  const run = (hour: number, requestId = `r${hour}`) => {
    const t = send(hour, requestId);
    if (kinds(t).includes("run")) complete(requestId);
    return t;
  };
  beforeEach(() => {
    agent = new InHand();
    agent.trust = trust;
    agent.link();
  });

  test("it starts as many runs as are signed, and refuses each later one", () => {
    for (const hour of [1, 2, 3]) expect(kinds(run(hour))).toContain("run");
    expect(answers(run(4))).toEqual(["FORBIDDEN"]);
    expect(agent.journal.get("r4")?.answer).toMatchObject({
      message: expect.stringContaining("has had its 3 runs on this agent"),
    });
    expect(agent.journal.get("r3")?.run).toMatchObject({ runs: 3, dueAt: Date.parse(due(3)) });
  });

  test("the count goes on after a restart of the agent", () => {
    for (const hour of [1, 2]) run(hour);
    agent.restart();
    agent.link();
    expect(kinds(run(3))).toContain("run");
    agent.restart();
    agent.link();
    expect(answers(run(4))).toEqual(["FORBIDDEN"]);
  });

  test.each(["before", "after"])("a due time runs once, also %s a restart", (when) => {
    run(2);
    if (when === "after") {
      agent.restart();
      agent.link();
    }
    expect(answers(send(2, "again"))).toEqual(["FORBIDDEN"]);
    expect(answers(send(1, "earlier"))).toEqual(["FORBIDDEN"]);
    expect(kinds(run(3))).toContain("run");
  });

  test("a run that was sent again under its own id is answered, and not run or counted", () => {
    run(1);
    expect(answers(send(1, "r1"))).toEqual(["done"]);
    expect(agent.journal.get("r1")?.run?.runs).toBe(1);
  });

  test("a run that is refused is not counted", () => {
    agent.trust = new CommandTrust([newSigner().text], "web-1");
    expect(answers(run(1, "untrusted"))).toEqual(["FORBIDDEN"]);
    agent.trust = trust;
    const nope = scheduledRun([alice], due(1), { ...work, command: "nope" });
    expect(answers(agent.receive(nope))).toEqual(["INVALID_COMMAND"]);
    for (const hour of [1, 2, 3]) expect(kinds(run(hour))).toContain("run");
    expect(agent.journal.get("untrusted")?.run).toBeUndefined();
  });

  test("with forbid, a run is refused while an earlier one is open, and not counted", () => {
    send(1, "r1", exclusive);
    expect(answers(send(2, "r2", exclusive))).toEqual(["BUSY"]);
    complete("r1");
    send(3, "r3", exclusive);
    expect(agent.journal.get("r3")?.run?.runs).toBe(2);
  });

  test("the agent takes the signed timeout, and starts nothing after the signed delays", () => {
    const effect = send(1, "r1").effects.find(({ type }) => type === "run");
    const latest = Date.parse(due(1)) + (hourly.ttl_seconds + 60) * 1000;
    expect(effect).toMatchObject({ timeoutMs: 45_000, expiresAt: latest });
  });

  test("two schedules are counted on their own", () => {
    const second = { ...hourly, schedule_id: crypto.randomUUID(), max_runs: 1 };
    run(1);
    expect(kinds(send(1, "other", second))).toContain("run");
    expect(answers(send(2, "more", second))).toEqual(["FORBIDDEN"]);
    expect(kinds(run(2))).toContain("run");
  });

  test("a run that the disk did not take has not started, and its due time is used up", () => {
    agent.isDiskFull = true;
    const t = send(1, "r1");
    agent.step((next) => agent.executor.commitFailed(t.writes, next));
    agent.isDiskFull = false;
    expect(answers(send(1, "again"))).toEqual(["FORBIDDEN"]);
  });

  test.each(Array.from({ length: 50 }, (_, seed) => seed))(
    "in any order of runs, repeats, failures and restarts (seed %d), no due time runs twice",
    (seed) => {
      const random = new Random(seed, 1);
      const started: number[] = [];
      for (let step = 0; step < 60; step++) {
        const hour = random.int(1, 9);
        agent.isDiskFull = random.chance(0.1);
        const t = send(hour, random.chance(0.5) ? `r${hour}` : `s${step}`, manyRuns);
        if (agent.isDiskFull) {
          agent.step((next) => agent.executor.commitFailed(t.writes, next));
        } else if (kinds(t).includes("run")) started.push(hour);
        agent.isDiskFull = false;
        if (random.chance(0.3)) {
          agent.restart();
          agent.link();
        }
      }
      expect(started.length).toBeLessThanOrEqual(manyRuns.max_runs);
      expect(started).toEqual([...new Set(started)].sort());
    },
  );
});
