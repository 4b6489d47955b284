/** The metrics of an agent in the OpenMetrics format. `docs/reference/metrics.md` lists them. */
import { CommandLabels, MetricSet } from "../metrics/metricSet.ts";
import { version } from "../protocol/wire/version.ts";
import type { CommandResult } from "./core/model.ts";

/** Read at each scrape. */
export interface AgentState {
  isConnected: boolean;
  /** The number of commands that run. */
  running: number;
  /** The number of requests that run, wait, or have a response that was not acknowledged. */
  requests: number;
  journalBytes: number;
}

/** Upper bounds in seconds: from a request on this host to a program of many minutes. */
const durationBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800];

export class AgentMetrics {
  readonly #set = new MetricSet();
  readonly #labels = new CommandLabels();
  readonly #ended;
  readonly #duration;
  #read: (() => AgentState) | undefined;

  constructor() {
    const by = ["command", "status"];
    this.#ended = this.#set.counter("wsctl_agent_commands_total", "Commands that ended", by);
    this.#duration = this.#set.histogram(
      "wsctl_agent_command_seconds",
      "How long commands ran",
      durationBuckets,
    );
    this.#set.gauge("wsctl_agent_build_info", "The version that runs", ["version"], (gauge) => {
      gauge.set({ version }, 1);
    });
    this.#state("wsctl_agent_connected", "1 if the control plane has accepted it", (state) =>
      Number(state.isConnected),
    );
    this.#state("wsctl_agent_commands_running", "Commands that run", ({ running }) => running);
    this.#state(
      "wsctl_agent_requests_open",
      "Requests that run, wait, or have a response without acknowledgement",
      ({ requests }) => requests,
    );
    this.#state("wsctl_agent_journal_bytes", "Size of the journal", (state) => state.journalBytes);
    this.#set.addProcess();
  }

  /** Sets where the state is read. */
  observe(read: () => AgentState): void {
    this.#read = read;
  }

  /** Returns a function that counts the end of a command, and passes it on. */
  counted(command: string, done: (result: CommandResult) => void): typeof done {
    const began = performance.now();
    return (result) => {
      this.#ended.inc({ command: this.#labels.label(command), status: result.status });
      this.#duration.observe((performance.now() - began) / 1000);
      done(result);
    };
  }

  scrape(): Promise<{ contentType: string; text: string }> {
    return this.#set.scrape();
  }

  #state(name: string, help: string, pick: (state: AgentState) => number): void {
    this.#set.gauge(name, help, [], (gauge) => {
      if (this.#read !== undefined) gauge.set(pick(this.#read()));
    });
  }
}
