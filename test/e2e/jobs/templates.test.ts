/** Saved jobs and saved targets, on the binary. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TemplateView } from "../../../lib/protocol/api/templates.ts";
import type { JobView, OutcomeLine } from "../../../lib/protocol/api/views.ts";
import { expectRefusal, jsonLines } from "../../support/processes/cli.ts";
import { JoinableFleet } from "../../support/processes/fleet.ts";

setDefaultTimeout(60_000);

const manifest = `
description = "Deploy a version"
argv = ["/bin/echo", "{version}", "to", "{color}"]
[parameters]
required = ["version"]
[parameters.properties.version]
type = "string"
[parameters.properties.color]
type = "string"
default = "blue"
[parameters.properties.password]
type = "string"
writeOnly = true
`;

describe("templates and saved targets", () => {
  let fleet: JoinableFleet;

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    for (const [id, role] of [
      ["web-1", "web"],
      ["web-2", "web"],
      ["db-1", "db"],
    ] as const) {
      const host = fleet.newHost();
      const commands = join(host, "commands.d");
      mkdirSync(commands);
      writeFileSync(join(commands, "deploy.toml"), manifest);
      const text = await fleet.joinText("--label", `role=${role}`);
      const args = ["--id", id, "--join", text, "--commands-dir", commands];
      await fleet.agent(host, ...args).logged(/ connected$/);
    }
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  const outcomes = async (...args: string[]) => {
    const done = await fleet.run(...args, "--json");
    const lines = jsonLines<OutcomeLine>(done);
    return lines.map(({ agent, message, outcome }) => `${agent} ${outcome} ${message}`).sort();
  };

  test("a saved target selects agents as its selector does, alone and within a selector", async () => {
    const made = await fleet.run("targets", "create", "web", "--target", "role=web");
    expect(made).toMatchObject({ code: 0, stdout: "@web: role=web\n" });
    expect(await outcomes("send", "ping", "--target", "@web")).toEqual([
      "web-1 success pong",
      "web-2 success pong",
    ]);
    const others = await outcomes("send", "ping", "--target", "not @web or agent=web-2");
    expect(others).toEqual(["db-1 success pong", "web-2 success pong"]);
    const shown = await fleet.run("targets", "show", "web");
    expect(shown.stdout).toMatch(/^AGENT +STATE\nweb-1 +online\nweb-2 +online\n$/);
    expect((await fleet.run("targets")).stdout).toMatch(/^NAME .*\n@web +role=web +local\n$/);
    const listed = await fleet.run("agents", "list", "--target", "@web,agent=web-1", "--json");
    expect(jsonLines<{ agent_id: string }>(listed).map(({ agent_id }) => agent_id)).toEqual([
      "web-1",
    ]);
  });

  test("an unknown saved target, one within another, and one in a token's scope are refused", async () => {
    expectRefusal(
      await fleet.run("send", "ping", "--target", "@none"),
      5,
      /Unknown saved target "@none"/,
    );
    const nested = await fleet.run("targets", "create", "both", "--target", "@web or role=db");
    expectRefusal(nested, 2, /must not contain another saved target/);
    const twice = await fleet.run("targets", "create", "web", "--target", "role=db");
    expectRefusal(twice, 1, /Cannot create target "web": it already exists. Delete it first/);
    const scope = ["tokens", "create", "--role", "operator", "--target", "@web"];
    expectRefusal(await fleet.run(...scope), 2, /must not use .* or a saved target/);
  });

  test("a template runs with its defaults and what its prompts ask for", async () => {
    const job = ["--param", "color=green", "--target", "@web", "--batch", "1", "--reason", "OPS-1"];
    const prompt = ["--prompt", "version=Version to deploy", "--prompt", "color"];
    const made = await fleet.run("templates", "create", "deploy-web", "deploy", ...job, ...prompt);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const run = ["templates", "run", "deploy-web"];
    expect(await outcomes(...run, "--param", "version=v7")).toEqual([
      "web-1 success v7 to green",
      "web-2 success v7 to green",
    ]);
    const red = await outcomes(
      ...run,
      "--param",
      "version=v8",
      "--param",
      "color=red",
      "--agent",
      "db-1",
    );
    expect(red).toEqual(["db-1 success v8 to red"]);
    const [latest, before] = jsonLines<JobView>(await fleet.run("jobs", "list", "--json"));
    expect(latest).toMatchObject({ template: "deploy-web", reason: "OPS-1", total: 1 });
    expect(before).toMatchObject({ template: "deploy-web", rollout: { batch: 1 }, total: 2 });
    const missing = await fleet.run(...run);
    expectRefusal(missing, 2, /needs version: add --param version=…/);
    const surplus = await fleet.run(...run, "--param", "version=v7", "--param", "host=x");
    expectRefusal(surplus, 1, /unknown parameter "host"; it takes version, color/);
  });

  test("a template without a target gets one from each run", async () => {
    await fleet.run("templates", "create", "check", "ping");
    expectRefusal(await fleet.run("templates", "run", "check"), 2, /has no target/);
    expect(await outcomes("templates", "run", "check", "--agent", "db-1")).toEqual([
      "db-1 success pong",
    ]);
    const names = jsonLines<TemplateView>(await fleet.run("templates", "list", "--json"));
    expect(names.map(({ name }) => name)).toEqual(["check", "deploy-web"]);
    expect((await fleet.run("templates", "delete", "check")).code).toBe(0);
    expectRefusal(await fleet.run("templates", "show", "check"), 1, /Unknown template "check"/);
  });

  test("secret parameters of a template, a schedule and a job are masked", async () => {
    const secret = ["--all", "--param", "version=v1", "--param", "password=hunter2"];
    await fleet.run("templates", "create", "secret", "deploy", ...secret);
    await fleet.run("schedules", "create", "secret", "deploy", ...secret, "--every", "1d");
    const sent = await fleet.run("send", "deploy", ...secret, "--json");
    const [{ job_id = "" } = {}] = jsonLines<OutcomeLine>(sent);
    for (const show of [
      ["templates", "show", "secret"],
      ["templates", "list"],
      ["schedules", "show", "secret"],
      ["schedules", "list"],
      ["jobs", "show", job_id],
      ["audit", "list"],
    ]) {
      const { code, stdout } = await fleet.run(...show, "--json");
      expect({ show, code, isShown: stdout.includes("hunter2") }).toEqual({
        show,
        code: 0,
        isShown: false,
      });
      expect(stdout).toContain("v1");
    }
  });

  test("a token of the role trigger starts one template by a plain POST, and nothing else", async () => {
    const token = await fleet.newToken(
      "--role",
      "trigger",
      "--template",
      "deploy-web",
      "--name",
      "ci",
    );
    const post = async (path: string, init: RequestInit = {}) => {
      const headers = { Authorization: `Bearer ${token}`, ...init.headers };
      const tls = { ca: readFileSync(join(fleet.dataDir, "tls", "ca.pem")) };
      const url = `${fleet.serving.url}/api/v1/${path}`;
      const response = await fetch(url, { method: "POST", ...init, headers, tls } as RequestInit);
      return { status: response.status, body: (await response.json()) as { job: JobView } };
    };
    const body = JSON.stringify({ target: { all: true }, ref: "refs/heads/main" });
    const started = await post("templates/deploy-web/trigger?version=v9", { body });
    expect(started).toMatchObject({
      status: 202,
      body: { job: { template: "deploy-web", total: 2, created_by_name: "ci" } },
    });
    expect((await post("templates/deploy-web/trigger")).status).toBe(422);
    expect((await post("templates/secret/trigger")).status).toBe(403);
    expect((await post("templates/deploy-web/run", { body: "{}" })).status).toBe(403);
    expect((await post("jobs", { body: "{}" })).status).toBe(403);
    const alone = await fleet.run("tokens", "create", "--role", "trigger");
    expectRefusal(alone, 2, /--role trigger and --template NAME belong together/);
  });

  test("a schedule keeps the job of its template, also when the template is deleted", async () => {
    await fleet.run("templates", "create", "hello", "deploy", "--all", "--prompt", "version");
    const create = ["schedules", "create", "from-template", "--template", "hello"];
    const times = ["--every", "1d"];
    const version = ["--param", "version=v3"];
    expectRefusal(await fleet.run(...create, ...times), 1, /missing parameter version/);
    expectRefusal(
      await fleet.run(...create, ...times, ...version, "--batch", "2"),
      2,
      /--batch and/,
    );
    const none = ["schedules", "create", "none", ...times, "--all"];
    expectRefusal(await fleet.run(...none), 2, /Missing argument COMMAND: write it, or --template/);
    const made = await fleet.run(...create, ...times, ...version, "--agent", "web-1");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    await fleet.run("templates", "delete", "hello");
    const { stdout } = await fleet.run("schedules", "run-now", "from-template");
    const watched = await fleet.run("jobs", "watch", stdout.trim(), "--json");
    expect(jsonLines<OutcomeLine>(watched)).toMatchObject([
      { agent: "web-1", message: "v3 to blue" },
    ]);
    const [job] = jsonLines<JobView>(await fleet.run("jobs", "list", "--json"));
    expect(job).toMatchObject({ schedule: "from-template", template: "hello" });
  });

  test("a restricted token runs templates of its commands within its scope, and creates none", async () => {
    const limits = ["--allow", "deploy", "--target", "role=web"];
    const token = await fleet.newToken("--role", "operator", ...limits);
    const create = ["templates", "create", "own", "deploy", "--all"];
    expectRefusal(await fleet.runAs(token, ...create), 4, /this token is restricted/);
    const run = ["templates", "run", "deploy-web", "--all", "--param", "version=v2", "--json"];
    const lines = jsonLines<OutcomeLine>(await fleet.runAs(token, ...run));
    expect(lines.map(({ agent }) => agent).sort()).toEqual(["web-1", "web-2"]);
  });

  test("templates and saved targets outlive a crash of the control plane", async () => {
    await fleet.restart();
    const names = jsonLines<TemplateView>(await fleet.run("templates", "list", "--json"));
    expect(names.map(({ name }) => name)).toEqual(["deploy-web", "secret"]);
    expect((await fleet.run("targets")).stdout).toContain("@web");
  });
});
