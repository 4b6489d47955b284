/** The folders of the source tree: what each is, and which others it may import. */

export interface Folder {
  path: string;
  what: string;
  /** Folders that it may import, with all that is below them; itself it always may. */
  mayImport: readonly string[];
}

const protocol = "lib/protocol";
const base = [protocol, "lib/time", "lib/log"];
const core = "lib/control/core";
const tables = "lib/control/journal/tables";
const engine = "lib/control/engine";
const journal = "lib/control/journal";
const auth = "lib/control/auth";
const jobs = "lib/control/jobs";

export const folders: readonly Folder[] = [
  { path: "lib/protocol", what: "limits, error codes, names, keys, labels", mayImport: [] },
  { path: "lib/protocol/wire", what: "WebSocket messages, codec", mayImport: [protocol] },
  {
    path: "lib/protocol/commands",
    what: "parameters that the CLI builds and the agent checks",
    mayImport: [protocol],
  },
  {
    path: "lib/protocol/api",
    what: "bodies of the HTTP API",
    mayImport: [protocol, "lib/protocol/wire"],
  },
  { path: "lib/core", what: "what both cores are built on", mayImport: [] },
  { path: "lib/time", what: "clocks, alarms, deadlines", mayImport: [] },
  { path: "lib/timing", what: "when schedules are due", mayImport: [protocol] },
  { path: "lib/log", what: "the log", mayImport: [protocol, "lib/time"] },
  { path: "lib/system", what: "what differs between operating systems", mayImport: [] },
  { path: "lib/files", what: "atomic writes, digests, bounded reads", mayImport: ["lib/system"] },
  { path: "lib/network", what: "proxies, tunnels, errors of connections", mayImport: [protocol] },
  {
    path: "lib/runtime",
    what: "what differs between Bun, Deno and Node.js",
    mayImport: [protocol, "lib/network"],
  },
  { path: "lib/threads", what: "the files of threads, and answers to wait for", mayImport: [] },
  {
    path: "lib/store",
    what: "SQLite, group commit, audit trail; `log/` is the append-only log",
    mayImport: [protocol, "lib/time", "lib/files"],
  },
  {
    path: "lib/tracing",
    what: "spans for a collector of OpenTelemetry",
    mayImport: [protocol, "lib/time", "lib/log", "lib/network"],
  },
  { path: "lib/metrics", what: "metrics of a process for Prometheus", mayImport: [] },
  { path: "lib/release", what: "manifests, keys, signatures", mayImport: [protocol] },
  {
    path: "lib/transfer",
    what: "uploads, downloads",
    mayImport: [protocol, "lib/files", "lib/network"],
  },
  {
    path: "lib/client",
    what: "the operator's side of the API",
    mayImport: [protocol, "lib/network", "lib/runtime"],
  },
  {
    path: "lib/bench",
    what: "simulated agents, and their load",
    mayImport: [protocol, "lib/time", "lib/network", "lib/runtime", "lib/agent/core", "lib/client"],
  },

  {
    path: "lib/cluster",
    what: "several control planes that are one: the log on NATS, the lease, forwarding",
    mayImport: [
      ...[protocol, "lib/time", "lib/log", "lib/files", "lib/network", "lib/runtime", "lib/store"],
      ...["lib/threads", "lib/control"],
    ],
  },

  {
    path: "lib/control/core",
    what: "pure: what is decided; `agents/` and `requests/` are parts of it",
    mayImport: ["lib/core", protocol, "lib/time"],
  },
  {
    path: "lib/control/journal",
    what: "durable state: the log's `index/` and its `feed/`, `tables/`, and `history/` of old jobs",
    mayImport: [...base, "lib/store", "lib/threads", core],
  },
  {
    path: "lib/control/capabilities",
    what: "what agents announce that they can do",
    mayImport: [protocol, "lib/log", core, journal],
  },
  {
    path: "lib/control/engine",
    what: "drives the core: sockets, timers, group commit",
    mayImport: [...base, "lib/store", "lib/runtime", core, journal, "lib/control/capabilities"],
  },
  {
    path: "lib/control/auth",
    what: "who asks, and whether they may",
    mayImport: ["lib/network", ...base, "lib/files", "lib/runtime", core, journal, engine],
  },
  {
    path: "lib/control/jobs",
    what: "from a request of an operator to a submitted job",
    mayImport: [protocol, core, tables, engine],
  },
  {
    path: "lib/control/views",
    what: "records as the API shows them",
    mayImport: [protocol, core, tables],
  },
  {
    path: "lib/control/streams",
    what: "outcomes and output to operators",
    mayImport: [protocol, core, engine, "lib/control/views"],
  },
  {
    path: "lib/control/artifacts",
    what: "file storage, local or S3",
    mayImport: ["lib/network", ...base, "lib/files", "lib/runtime", journal, engine, auth],
  },
  {
    path: "lib/control/schedules",
    what: "jobs that run at set times",
    mayImport: [...base, "lib/timing", core, tables, engine, auth, jobs],
  },
  {
    path: "lib/control/events",
    what: "events of the log: streamed, and sent to webhooks",
    mayImport: ["lib/network", ...base, core, journal, engine, "lib/control/streams"],
  },
  {
    path: "lib/control/metrics",
    what: "CPU and memory of agents over time; the metrics for Prometheus",
    mayImport: ["lib/tracing", "lib/metrics", ...base, core, tables, engine],
  },
  {
    path: "lib/control/api",
    what: "routes, one file per resource",
    mayImport: [
      ...[
        protocol,
        "lib/log",
        "lib/release",
        core,
        journal,
        engine,
        auth,
        jobs,
        "lib/control/views",
        "lib/control/backup",
      ],
      ...["lib/control/streams", "lib/control/artifacts", "lib/control/schedules"],
      "lib/control/events",
      "lib/control/metrics",
    ],
  },
  {
    path: "lib/control/backup",
    what: "backups: made while serving, verified, restored",
    mayImport: [protocol, "lib/time", "lib/files", "lib/store", core, journal],
  },
  {
    path: "lib/control/audit",
    what: "what is recorded of requests",
    mayImport: [...base, core, journal, "lib/control/api"],
  },
  {
    path: "lib/control/session",
    what: "one WebSocket of an operator for many jobs",
    mayImport: [
      ...[...base, "lib/runtime", core, engine, jobs, "lib/control/streams", "lib/control/api"],
      "lib/control/audit",
    ],
  },
  {
    path: "lib/control/link",
    what: "the WebSocket endpoint of agents",
    mayImport: [...base, "lib/runtime", tables, engine, auth, "lib/control/audit"],
  },
  {
    path: "lib/control/tls",
    what: "certificates that the control plane issues",
    mayImport: ["lib/network", ...base, "lib/files", "lib/runtime"],
  },
  {
    path: "lib/control/console",
    what: "the web console: `oidc/` logins, CLI too, `page/` the browser",
    mayImport: [
      "lib/network",
      ...[...base, "lib/runtime", core, journal, auth, "lib/control/api"],
      ...["lib/control/audit", "lib/control/views", "lib/timing"],
    ],
  },
  {
    path: "lib/control/balancer",
    what: "the PROXY protocol of TCP load balancers",
    mayImport: [...base, "lib/runtime"],
  },
  {
    path: "lib/control/http",
    what: "the HTTP application",
    mayImport: [
      ...[...base, "lib/runtime", core, tables, engine, auth, jobs, "lib/control/api"],
      ...["lib/control/artifacts", "lib/control/audit", "lib/control/console", "lib/control/link"],
      "lib/control/session",
      ...["lib/control/events", "lib/control/metrics", "lib/control/schedules"],
    ],
  },

  {
    path: "lib/agent/core",
    what: "pure: connection, execution of requests, responses",
    mayImport: ["lib/core", protocol, "lib/time"],
  },
  {
    path: "lib/agent/journal",
    what: "durable state, in the log",
    mayImport: [...base, "lib/files", "lib/store", "lib/agent/core"],
  },
  {
    path: "lib/agent/identity",
    what: "who this agent is, and how it proves it",
    mayImport: [
      ...[protocol, "lib/log", "lib/files", "lib/network", "lib/runtime", "lib/transfer"],
      ...["lib/timing", "lib/agent/core"],
    ],
  },
  {
    path: "lib/agent/commands",
    what: "built-in commands",
    mayImport: [protocol, "lib/agent/core"],
  },
  {
    path: "lib/agent/supervisor",
    what: "the process beside each program, and the agent's side of it",
    mayImport: [...base, "lib/files", "lib/runtime", "lib/system", "lib/agent/core"],
  },
  {
    path: "lib/agent/manifests",
    what: "files that describe commands, services and log sources",
    mayImport: [protocol, "lib/log", "lib/files", "lib/system"],
  },
  {
    path: "lib/agent/programs",
    what: "what may be run on this host: custom commands, `exec`, scripts, services",
    mayImport: [
      ...[protocol, "lib/system", "lib/agent/core", "lib/agent/commands"],
      ...["lib/agent/manifests", "lib/agent/supervisor"],
    ],
  },
  {
    path: "lib/agent/logs",
    what: "`fetch_logs`",
    mayImport: [
      ...[protocol, "lib/network", "lib/system", "lib/agent/identity"],
      ...["lib/agent/manifests", "lib/agent/programs"],
    ],
  },
  {
    path: "lib/agent/files",
    what: "files from and to the control plane: `push_files`, `pull_files`, artifacts",
    mayImport: [
      ...[protocol, "lib/files", "lib/network", "lib/transfer", "lib/agent/identity"],
      ...["lib/agent/programs", "lib/agent/supervisor"],
    ],
  },
  {
    path: "lib/agent/embedded",
    what: "an agent inside another program: its commands, live output",
    mayImport: [protocol, "lib/agent/core"],
  },
  {
    path: "lib/conformance",
    what: "the conformance suite: checks of agents and of control planes",
    mayImport: [protocol, "lib/network"],
  },
  { path: "lib/mcp", what: "tools for language models", mayImport: [protocol, "lib/client"] },
  {
    path: "lib/package",
    what: "the entries of the npm package",
    mayImport: [protocol, "lib/log", "lib/client", "lib/agent", "lib/control"],
  },
  {
    path: "lib/agent/update",
    what: "updates of the agent itself",
    mayImport: [
      ...[protocol, "lib/files", "lib/network", "lib/release", "lib/system", "lib/transfer"],
      ...["lib/agent/core", "lib/agent/identity", "lib/agent/programs"],
    ],
  },
];
