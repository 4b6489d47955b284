/** Events and webhooks, on the binary, with real receivers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { ControlPlaneEvent, WebhookView } from "../../../lib/protocol/api/events.ts";
import { Inbox } from "../../support/clients/inbox.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { Running, wsctl, wsctlCommand } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

interface Delivery {
  headers: Headers;
  body: string;
  event: ControlPlaneEvent;
}

/** A receiver that answers with the next status of its list, or 204. */
function receiver(statuses: number[] = []) {
  const inbox = new Inbox<Delivery>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const body = await request.text();
      inbox.add({ headers: request.headers, body, event: JSON.parse(body) as ControlPlaneEvent });
      return new Response(null, { status: statuses.shift() ?? 204 });
    },
  });
  const first = (isIt: (delivery: Delivery) => boolean) => {
    return inbox.first("delivery", (each) => (isIt(each) ? each : undefined));
  };
  return {
    inbox,
    first,
    url: `http://127.0.0.1:${server.port}/hook`,
    stop: () => server.stop(true),
  };
}

describe("events", () => {
  let fleet: JoinableFleet;
  const receivers: { stop(): void }[] = [];
  const receive = (statuses?: number[]) => {
    const made = receiver(statuses);
    receivers.push(made);
    return made;
  };

  beforeAll(async () => {
    const args = ["--webhook-allow", "127.0.0.1", "--offline-after", "1s", "--heartbeat", "1s"];
    fleet = await JoinableFleet.start({ args });
    await fleet
      .agent(fleet.newHost(), "--id", "web-1", "--join", await fleet.joinText())
      .logged(/ connected$/);
  });
  afterAll(async () => {
    for (const each of receivers) each.stop();
    await fleet[Symbol.asyncDispose]();
  });

  const follow = (...args: string[]) => {
    const at = ["--data-dir", `${fleet.dataDir}`, "--json"];
    return new Running([...wsctlCommand("binary"), "events", ...args, ...at]);
  };
  const types = (running: Running) => {
    return running.lines.map((line) => (JSON.parse(line) as ControlPlaneEvent).type);
  };

  test("are followed from any entry of the log, with the facts of the job", async () => {
    await fleet.run("send", "ping", "--agent", "web-1", "--reason", "OPS-1");
    await fleet.run("send", "nothing", "--agent", "web-1");
    await using all = follow("--after", "0", "--type", "job.created,job.ended,job.failed");
    await all.logged(/job\.failed/);
    expect(types(all)).toEqual([
      "job.created",
      "job.ended",
      "job.created",
      "job.ended",
      "job.failed",
    ]);
    const [created, ended] = all.lines.map((line) => JSON.parse(line) as ControlPlaneEvent);
    expect(created?.data).toMatchObject({
      command: "ping",
      total: 1,
      created_by_name: "local",
      reason: "OPS-1",
    });
    expect(ended?.data).toMatchObject({ command: "ping", total: 1, succeeded: 1 });
    await using later = follow("--after", `${ended?.sequence}`, "--type", "job.created,job.failed");
    await later.logged(/job\.failed/);
    expect(types(later)).toEqual(["job.created", "job.failed"]);
    // A time without milliseconds is before those of its second.
    const second = `${created?.at.slice(0, 19)}Z`;
    await using exact = follow("--since", second, "--type", "job.created,job.failed");
    await exact.logged(/job\.failed/);
    const times = exact.lines.map((line) => (JSON.parse(line) as ControlPlaneEvent).at);
    expect(times).toContain(`${created?.at}`);
    const failedAt = times.at(-1) ?? "";
    await using last = follow("--since", failedAt, "--type", "job.created,job.failed");
    await last.logged(/job\.failed/);
    expect(last.lines).toHaveLength(1);
    const audited = await fleet.run("audit", "export", "--since", second, "--action", "job.create");
    expect(audited.stdout).toContain(`${created?.at.slice(0, 19)}.`);
    await using since = follow("--since", "1h", "--type", "agent.connected");
    await since.logged(/"agent_id":"web-1"/);
  });

  test("continue in a stream after the control plane was killed and came back", async () => {
    await using stream = follow("--type", "job.ended", "--after", "0");
    await stream.logged(/job\.ended/);
    await fleet.restart();
    const seen = stream.lines.length;
    await fleet.run("send", "ping", "--agent", "web-1", "--ttl", "30s");
    await stream.logged(/"command":"ping"/, seen);
    const sequences = stream.lines.map((line) => (JSON.parse(line) as ControlPlaneEvent).sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  });

  test("are refused from an entry that the log does not have", async () => {
    expectRefusal(await fleet.run("events", "--after", "999999"), 2, /the log ends at entry \d+/);
  });

  test("an agent that is offline for long, and an approval that waits, are events", async () => {
    await using stream = follow("--type", "agent.offline,agent.connected", "--after", "0");
    const agent = fleet.agent(fleet.newHost(), "--id", "gone-1", "--join", await fleet.joinText());
    await agent.logged(/ connected$/);
    await agent.stop();
    await stream.logged(/"agent\.offline".*"agent_id":"gone-1"/);
  });

  test("a webhook gets the events of its types, signed as Standard Webhooks say", async () => {
    const { first, url } = receive();
    const made = await fleet.run(
      "webhooks",
      "create",
      "chat",
      "--url",
      url,
      "--events",
      "job.failed",
    );
    expect(made.code).toBe(0);
    const secret = made.stdout.trim();
    expect(secret).toStartWith("whsec_");
    await fleet.run("send", "ping", "--agent", "web-1");
    await fleet.run("send", "nothing", "--agent", "web-1");
    const { headers, body, event } = await first(() => true);
    expect(event).toMatchObject({ type: "job.failed", data: { command: "nothing", succeeded: 0 } });
    const [id, time] = [headers.get("webhook-id"), headers.get("webhook-timestamp")];
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const signed = createHmac("sha256", key).update(`${id}.${time}.${body}`).digest("base64");
    expect(headers.get("webhook-signature")).toBe(`v1,${signed}`);
    expect((await fleet.run("webhooks", "list", "--json")).stdout).not.toContain(
      secret.slice(6, 20),
    );
    const tested = await fleet.run("webhooks", "test", "chat");
    expect(tested).toMatchObject({ code: 0, stdout: "chat: accepted\n" });
    expect((await first(({ event: each }) => (each.type as string) === "ping")).body).toContain(
      "ping",
    );
  });

  test("a receiver that fails gets the event again, and each event arrives after a crash", async () => {
    const { inbox, first, url } = receive([503]);
    await fleet.run("webhooks", "create", "again", "--url", url, "--events", "job.ended");
    await fleet.run("send", "ping", "--agent", "web-1");
    await first(() => true);
    await fleet.restart();
    await fleet.run("send", "info", "--agent", "web-1", "--ttl", "30s");
    await first(({ event }) => event.data.command === "info");
    const commands = inbox.all.map(({ event }) => event.data.command);
    expect(commands.filter((each) => each === "ping").length).toBeGreaterThan(1);
    expect(commands.at(-1)).toBe("info");
  });

  test("what a receiver refuses is given up by name, and the next event is delivered", async () => {
    const { first, url } = receive([400]);
    await fleet.run("webhooks", "create", "picky", "--url", url, "--events", "job.ended");
    await fleet.run("send", "ping", "--agent", "web-1");
    await fleet.run("send", "info", "--agent", "web-1");
    await first(({ event }) => event.data.command === "info");
    const [webhook] = jsonLines<WebhookView>(
      await fleet.run("webhooks", "show", "picky", "--json"),
    );
    expect(webhook?.dead_letters).toMatchObject([{ type: "job.ended", reason: "HTTP status 400" }]);
    expect((await fleet.run("webhooks", "show", "picky")).stdout).toContain("1 given up");
  });

  test("addresses that others must not reach through the control plane are refused", async () => {
    for (const [name, url, reason] of [
      ["metadata", "https://169.254.169.254/latest", "Webhooks may not be sent to 169.254.169.254"],
      ["loopback", "https://[::1]:8443/", "Webhooks may not be sent to ::1"],
      ["plain", "http://192.0.2.1/", "Webhooks need https://"],
    ] as const) {
      await fleet.run("webhooks", "create", name, "--url", url, "--events", "job.ended");
      const tested = await fleet.run("webhooks", "test", name);
      expect(tested.code).toBe(1);
      expect(tested.stdout).toContain(reason);
      await fleet.run("webhooks", "delete", name);
    }
    const make = [
      "webhooks",
      "create",
      "x",
      "--url",
      "ftp://hooks.example",
      "--events",
      "job.ended",
    ];
    expectRefusal(await fleet.run(...make), 2, /must be a URL such as https:/);
    const wrong = [
      "webhooks",
      "create",
      "x",
      "--url",
      "https://hooks.example",
      "--events",
      "job.done",
    ];
    expectRefusal(await fleet.run(...wrong), 2, /Flag --events has "job.done": expected some of/);
  });

  test("a control plane that cannot be reached is an error at once", async () => {
    const args = ["events", "--server", "http://127.0.0.1:1"];
    const refused = await wsctl(args, { env: { WSCTL_TOKEN: "x" } });
    expectRefusal(refused, 3, /Cannot reach the control plane at .*: connection refused/);
  });

  test("a viewer follows events, and only an admin manages webhooks", async () => {
    const viewer = await fleet.newToken("--role", "viewer");
    expectRefusal(
      await fleet.runAs(viewer, "webhooks", "list"),
      4,
      /Requires a token of the role "admin"/,
    );
  });
});
