/** Counters, gauges and histograms of one process in the OpenMetrics format. */
import { readdirSync } from "node:fs";
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from "prom-client";

export class MetricSet {
  readonly #registry = new Registry<OpenMetricsContentType>();
  /** As the options of a metric. */
  readonly registers = [this.#registry];

  constructor() {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }

  async scrape(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** @param collect Called at each scrape. */
  counter(
    name: string,
    help: string,
    labelNames: string[],
    collect?: (counter: Counter) => void,
  ): Counter {
    return new Counter({
      ...{ name, help, labelNames, registers: this.registers },
      ...(collect === undefined
        ? {}
        : {
            collect: function (this: Counter) {
              collect(this);
            },
          }),
    });
  }

  /** @param buckets Upper bounds in seconds. */
  histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: this.registers });
  }

  /** @param collect Called at each scrape. */
  gauge(name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void): void {
    new Gauge({
      ...{ name, help, labelNames, registers: this.registers },
      collect() {
        collect(this);
      },
    });
  }

  /** Names as other exporters use them, so that dashboards fit. */
  addProcess(): void {
    this.counter("process_cpu_seconds_total", "User and system CPU time", [], (counter) => {
      const { user, system } = process.cpuUsage();
      counter.reset();
      counter.inc((user + system) / 1e6);
    });
    this.gauge("process_resident_memory_bytes", "Resident memory", [], (gauge) => {
      gauge.set(process.memoryUsage().rss);
    });
    const startedAt = Date.now() / 1000 - process.uptime();
    this.gauge("process_start_time_seconds", "When the process started", [], (gauge) => {
      gauge.set(startedAt);
    });
    this.gauge("process_open_fds", "Open file descriptors", [], (gauge) => {
      try {
        gauge.set(readdirSync("/proc/self/fd").length);
      } catch {
        // The platform has no such directory: the metric stays away.
      }
    });
  }
}

/** Commands with a label of their own; the rest is counted under `other`. */
const commandsMax = 100;

/** Bounds the labels of commands, because an operator chooses their names. */
export class CommandLabels {
  readonly #commands = new Set<string>();

  label(command: string): string {
    if (this.#commands.has(command)) return command;
    if (this.#commands.size >= commandsMax) return "other";
    this.#commands.add(command);
    return command;
  }
}
