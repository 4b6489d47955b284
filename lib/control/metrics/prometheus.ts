/**
 * The metrics of the control plane in the OpenMetrics format. Counters and histograms change with
 * what happens; gauges are read at each scrape. `docs/reference/metrics.md` lists them.
 */
import { CommandLabels, MetricSet } from "../../metrics/metricSet.ts";
import { version } from "../../protocol/wire/version.ts";
import type { Clock } from "../../time/clock.ts";
import type { Job, StoredOutcome } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import { HttpMetrics } from "./httpMetrics.ts";

/** Upper bounds in seconds: from a request on one host to a program of many minutes. */
const durationBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
];
const diskBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5,
];
const lagBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const lagIntervalMs = 500;

export interface ControlMetricsOptions {
  engine: Engine;
  clock: Pick<Clock, "after">;
  /** The runtime with its version. */
  runtime: string;
}

export class ControlMetrics {
  readonly #engine: Engine;
  readonly #clock: Pick<Clock, "after">;
  readonly #set = new MetricSet();
  readonly http = new HttpMetrics(this.#set.registers);
  readonly #commands = new CommandLabels();
  readonly #jobs;
  readonly #requests;
  readonly #toSend;
  readonly #toStart;
  readonly #execution;
  readonly #duration;
  readonly #lag;
  #cancel = () => {};

  constructor({ engine, clock, runtime }: ControlMetricsOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#jobs = this.#set.counter("wsctl_jobs_total", "Jobs accepted, by command", ["command"]);
    const by = ["command", "outcome"];
    this.#requests = this.#set.counter(
      "wsctl_requests_total",
      "Requests ended, by command and outcome",
      by,
    );
    const latency = (name: string, help: string) =>
      this.#set.histogram(name, help, durationBuckets);
    this.#toSend = latency(
      "wsctl_request_send_seconds",
      "From the acceptance of a job to the sending of a request",
    );
    this.#toStart = latency(
      "wsctl_request_start_seconds",
      "From the acceptance of a job to the start of a command",
    );
    this.#execution = latency(
      "wsctl_request_execution_seconds",
      "How long a command ran, as its agent reports",
    );
    this.#duration = latency(
      "wsctl_request_duration_seconds",
      "From the acceptance of a job to the outcome of a request",
    );
    this.#lag = this.#set.histogram(
      "wsctl_event_loop_lag_seconds",
      "How late timers of the event loop are",
      lagBuckets,
    );
    this.#watchLog();
    this.#addGauges(runtime);
    engine.outcomeListeners.addForAll((outcome, command) => this.#requestEnded(outcome, command));
  }

  /** Measures the event loop until `close`. */
  start(): void {
    const due = performance.now() + lagIntervalMs;
    this.#cancel = this.#clock.after(lagIntervalMs, () => {
      this.#lag.observe(Math.max(0, performance.now() - due) / 1000);
      this.start();
    });
  }

  close(): void {
    this.#cancel();
  }

  scrape(): Promise<{ contentType: string; text: string }> {
    return this.#set.scrape();
  }

  jobAccepted({ command }: Job): void {
    this.#jobs.inc({ command: this.#commands.label(command) });
  }

  #requestEnded(outcome: StoredOutcome, command: string): void {
    this.#requests.inc({ command: this.#commands.label(command), outcome: outcome.outcome });
    const { durationMs, endedAt, sentAt, startedAt, executionMs } = outcome;
    const createdAt = endedAt - durationMs;
    this.#duration.observe(durationMs / 1000);
    if (sentAt !== undefined) this.#toSend.observe(Math.max(0, sentAt - createdAt) / 1000);
    if (startedAt !== undefined) this.#toStart.observe(Math.max(0, startedAt - createdAt) / 1000);
    if (executionMs !== undefined) this.#execution.observe(executionMs / 1000);
  }

  #watchLog(): void {
    const append = this.#set.histogram(
      "wsctl_log_append_seconds",
      "From the append of a batch until it is on disk",
      diskBuckets,
    );
    const sync = this.#set.histogram(
      "wsctl_log_sync_seconds",
      "Durations of syncs of the log",
      diskBuckets,
    );
    const entries = this.#set.counter(
      "wsctl_log_entries_total",
      "Entries that were appended to the log",
      [],
    );
    this.#engine.journal.recorder.log.onDurable.push((batch) => {
      append.observe(batch.appendMs / 1000);
      sync.observe(batch.syncMs / 1000);
      entries.inc(batch.entries);
    });
  }

  #addGauges(runtime: string): void {
    const { core, journal } = this.#engine;
    const { recorder } = journal;
    const open = () => core.dispatcher?.requests;
    this.#set.gauge(
      "wsctl_build_info",
      "The version that runs",
      ["version", "runtime"],
      (gauge) => {
        gauge.set({ version, runtime }, 1);
      },
    );
    this.#set.gauge("wsctl_ready", "1 if jobs are accepted", [], (gauge) => {
      gauge.set(this.#engine.unready === undefined ? 1 : 0);
    });
    this.#set.gauge("wsctl_agents", "Agents, by state", ["state"], (gauge) => {
      const { agents, sessionCount: online } = core.registry;
      gauge.set({ state: "online" }, online);
      gauge.set({ state: "offline" }, agents.size - online);
      let drained = 0;
      for (const { record } of agents.values()) if (record.drained) drained++;
      gauge.set({ state: "drained" }, drained);
      for (const [state, count] of journal.tokens.countBlocked()) gauge.set({ state }, count);
    });
    this.#set.gauge(
      "wsctl_requests_open",
      "Requests without an outcome, by state",
      ["state"],
      (gauge) => {
        const sent = open()?.inflightCount ?? 0;
        gauge.set({ state: "sent" }, sent);
        gauge.set({ state: "queued" }, this.#engine.sizes.open - sent);
      },
    );
    this.#set.gauge("wsctl_sockets", "Connections of agents", [], (gauge) => {
      gauge.set(this.#engine.sizes.sockets);
    });
    this.#set.gauge("wsctl_log_bytes", "Size of the log", [], (gauge) => {
      gauge.set(recorder.log.segments.reduce((sum, { bytes }) => sum + bytes, 0));
    });
    this.#set.gauge(
      "wsctl_index_lag_entries",
      "Entries of the log that the index lacks",
      [],
      (gauge) => {
        gauge.set(recorder.feed.unappliedCount);
      },
    );
    this.#set.gauge("wsctl_artifacts", "Stored artifacts", [], (gauge) => {
      gauge.set(journal.artifacts.usage().count);
    });
    this.#set.gauge("wsctl_artifact_bytes", "Size of the stored artifacts", [], (gauge) => {
      gauge.set(journal.artifacts.usage().bytes);
    });
    this.#set.addProcess();
  }
}
