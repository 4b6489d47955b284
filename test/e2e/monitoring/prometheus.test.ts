/** The metrics of the control plane, scraped by Prometheus, with the rules and the dashboard. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { JoinableFleet } from "../../support/processes/fleet.ts";
import { Running, temporaryDir } from "../../support/processes/processes.ts";

setDefaultTimeout(60_000);

const docs = new URL("../../../docs/", import.meta.url).pathname;
const hasPrometheus = Bun.which("prometheus") !== null && Bun.which("promtool") !== null;
if (!hasPrometheus) process.stderr.write("Prometheus is left out: it is not installed\n");

describe("/metrics", () => {
  let fleet: JoinableFleet;
  let token = "";
  const scrape = async (auth = token) => {
    const headers = { Authorization: `Bearer ${auth}` };
    const tls = { ca: readFileSync(join(fleet.dataDir, "tls", "ca.pem")) };
    const response = await fetch(`${fleet.serving.url}/metrics`, { headers, tls } as RequestInit);
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    };
  };

  beforeAll(async () => {
    fleet = await JoinableFleet.start();
    const text = await fleet.joinText();
    await fleet.agent(fleet.newHost(), "--id", "web-1", "--join", text).logged(/ connected$/);
    await fleet.run("send", "ping", "--agent", "web-1");
    await fleet.run("send", "nothing", "--agent", "web-1");
    token = await fleet.newToken("--role", "metrics", "--name", "prometheus");
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test("counts requests by command and outcome, and agents by state", async () => {
    const { text, type } = await scrape();
    expect(type).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(text.trimEnd()).toEndWith("# EOF");
    const lines = text.split("\n");
    expect(lines).toContain('wsctl_requests_total{command="ping",outcome="success"} 1');
    expect(lines).toContain('wsctl_requests_total{command="nothing",outcome="error"} 1');
    expect(lines).toContain('wsctl_jobs_total{command="ping"} 1');
    expect(lines).toContain('wsctl_agents{state="online"} 1');
    expect(lines).toContain("wsctl_request_duration_seconds_count 2");
    expect(lines).toContain("wsctl_ready 1");
    expect(text).toMatch(/^wsctl_log_sync_seconds_count [1-9]\d*$/m);
  });

  test("counts HTTP requests by route and class of the status, with labels that no client chooses", async () => {
    const { url } = fleet.serving;
    const tls = { ca: readFileSync(join(fleet.dataDir, "tls", "ca.pem")) };
    const paths = ["/api/v1/jobs/one", "/api/v1/jobs/two", "/nothing/one", "/nothing/two"];
    for (const path of paths) await fetch(`${url}${path}`, { tls } as RequestInit);
    await fetch(`${url}/healthz`, { method: "OPTIONS", tls } as RequestInit);
    const { text } = await scrape();
    const of = (method: string, route: string, status: string) =>
      `wsctl_http_requests_total{method="${method}",route="${route}",status="${status}"}`;
    const lines = text.split("\n");
    expect(lines).toContain(`${of("GET", "/api/v1/jobs/:job_id", "4xx")} 2`);
    expect(lines).toContain(`${of("GET", "unmatched", "4xx")} 2`);
    expect(lines).toContain(`${of("other", "unmatched", "4xx")} 1`);
    expect(lines).toContain(`${of("GET", "/agent", "1xx")} 1`);
    expect(text).toContain(`${of("POST", "/api/v1/jobs", "2xx")} `);
    expect(lines).toContain(
      'wsctl_http_request_duration_seconds_count{route="/api/v1/jobs/:job_id"} 2',
    );
    expect(text).not.toContain("nothing/one");
  });

  test("a token of the role metrics may do nothing else, and without one there are no metrics", async () => {
    expect((await scrape("wsctl-000000000000-0")).status).toBe(401);
    const agents = await fleet.runAs(token, "agents", "list");
    expect(agents).toMatchObject({ code: 4, stdout: "" });
    expect(agents.stderr).toContain('Requires a token of the role "admin" or "operator"');
    const agent = await fleet.newToken("--agent", "plc-1");
    expect((await scrape(agent)).status).toBe(403);
  });

  test("docs/reference/metrics.md lists exactly these metrics", async () => {
    const { text } = await scrape();
    const real = families(text);
    expect(listed(0).sort()).toEqual(real.sort());
  });

  test("an agent serves the metrics of its host, and goes on through a restart in place", async () => {
    const host = fleet.newHost();
    const join_ = ["--id", "web-2", "--join", await fleet.joinText()];
    const agent = fleet.agent(host, ...join_, "--metrics", "0");
    const [, url = ""] = await agent.logged(
      /serving metrics on (http:\/\/127\.0\.0\.1:\d+\/metrics)/,
    );
    await agent.logged(/ connected$/);
    await fleet.run("send", "ping", "--agent", "web-2");
    const answer = await fetch(url);
    expect(answer.headers.get("content-type")).toStartWith("application/openmetrics-text");
    const text = await answer.text();
    const lines = text.split("\n");
    expect(lines).toContain("wsctl_agent_connected 1");
    expect(lines).toContain("wsctl_agent_commands_running 0");
    expect(lines).toContain('wsctl_agent_commands_total{command="ping",status="success"} 1');
    expect(text).toMatch(/^wsctl_agent_journal_bytes [1-9]\d*$/m);
    const own = families(text).filter((family) => !family.startsWith("process_"));
    expect(listed(1).sort()).toEqual(own.sort());
    expect((await fetch(url.replace("/metrics", "/"))).status).toBe(404);
    const mark = agent.lines.length;
    expect((await fleet.run("send", "restart", "--agent", "web-2")).code).toBe(0);
    await agent.logged(/serving metrics on/, mark);
    expect(await agent.stop()).toBe(0);
    const wrong = await fleet.run("agent", "--metrics", "everywhere");
    expect(wrong.stderr).toContain('Flag --metrics is "everywhere": expected PORT or ADDRESS:PORT');
  });

  test("the dashboard and the alert rules name only metrics that exist", async () => {
    const { text } = await scrape();
    const real = new Set(families(text).map((family) => family.split(" ")[0] ?? ""));
    const files = ["monitoring/grafana.json", "monitoring/alerts.yaml"];
    const used = files.flatMap((file) => {
      return readFileSync(join(docs, file), "utf8").match(/\b(wsctl|process)_[a-z_]+/g) ?? [];
    });
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter((name) => !real.has(name.replace(/_(bucket|count|sum)$/, "")))).toEqual([]);
  });

  test.skipIf(!hasPrometheus)("promtool accepts the alert rules", () => {
    const rules = spawnSync("promtool", ["check", "rules", join(docs, "monitoring/alerts.yaml")]);
    expect(`${rules.stdout}${rules.stderr}`).toContain("SUCCESS: 10 rules found");
  });

  test.skipIf(!hasPrometheus)(
    "Prometheus scrapes the control plane, and its rules see it",
    async () => {
      using dir = temporaryDir();
      writeFileSync(join(dir, "token"), token);
      const { host } = new URL(fleet.serving.url);
      const config = `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${docs}monitoring/alerts.yaml"]
scrape_configs:
  - job_name: wsctl
    scheme: https
    authorization: { credentials_file: ${dir}/token }
    tls_config: { ca_file: ${fleet.dataDir}/tls/ca.pem }
    static_configs: [{ targets: ["${host}"] }]
`;
      writeFileSync(join(dir, "prometheus.yml"), config);
      const args = [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`];
      await using prometheus = new Running([
        "prometheus",
        ...args,
        "--web.listen-address=127.0.0.1:0",
      ]);
      const [, address] = await prometheus.logged(/Listening on" address=(127\.0\.0\.1:\d+)/);
      await prometheus.logged(/Server is ready to receive web requests/);
      for (;;) {
        const query = `http://${address}/api/v1/query?query=wsctl_agents{state="online"}`;
        const { data } = (await (await fetch(query)).json()) as {
          data: { result: { value: unknown[] }[] };
        };
        if (data.result[0]?.value[1] === "1") break;
        await Bun.sleep(100);
      }
      const rules = await (await fetch(`http://${address}/api/v1/rules`)).text();
      expect(rules).toContain('"name":"WsctlDown"');
      expect(rules).not.toContain('"health":"err"');
    },
  );
});

/** Names as they are queried, with their types: a counter ends in `_total`. */
function families(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => {
    return type === "counter" ? `${name}_total counter` : `${name} ${type}`;
  });
}

/** The metrics that a part of the page lists: those of the control plane, or of an agent. */
function listed(part: number): string[] {
  const page = readFileSync(join(docs, "reference/metrics.md"), "utf8");
  const text = page.split("## Metrics of an agent")[part] ?? "";
  return [...text.matchAll(/^\| `(\S+)` +\| (\w+) /gm)].map(([, name, type]) => `${name} ${type}`);
}
