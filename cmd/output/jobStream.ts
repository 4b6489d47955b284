/** Prints a job's stream: live output when it arrives, then the outcome of each request. */

import { isOutput } from "../../lib/client/streamCursor.ts";
import { isRetried } from "../../lib/protocol/api/jobs.ts";
import type {
  AcceptedLine,
  JobView,
  OutcomeLine,
  StreamLine,
} from "../../lib/protocol/api/views.ts";
import { exitFailed, exitOk } from "../cli/exit.ts";
import type { OfflineWait } from "../jobs/offlineWait.ts";
import type { JobProgress } from "./jobProgress.ts";
import type { OutputSink } from "./liveLines.ts";
import type { OutcomePrinter } from "./outcomePrinter.ts";
import { remark } from "./stdio.ts";

export interface ShowOptions {
  printer: OutcomePrinter;
  /** The output is for a program, so no remarks are printed. */
  isForProgram: boolean;
  progress: JobProgress;
  /** The sink of live output; undefined if it is not shown. */
  sink: OutputSink | undefined;
  /** Keeps results in files; undefined if they are only printed. */
  files: { outcome(line: OutcomeLine): void; close(): Promise<boolean> } | undefined;
  /** Set if the wait for offline agents is bounded. */
  offlineWait?: OfflineWait | undefined;
}

/** Prints every line. The outcomes determine the exit status. */
export async function showJob(
  { accepted, lines }: { accepted: Pick<AcceptedLine, "job">; lines: AsyncIterable<StreamLine> },
  { printer, isForProgram, progress, sink, files, offlineWait }: ShowOptions,
): Promise<number> {
  const { total } = accepted.job;
  const counts = new Map<string, number>();
  const retries = new Set<string>();
  progress.begin(total);
  try {
    for await (const line of lines) {
      progress.clearLine();
      if (isOutput(line)) sink?.piece(line);
      else {
        counts.set(line.outcome, (counts.get(line.outcome) ?? 0) + 1);
        addRetryFlag(line, retries);
        const seen = sink?.end(line) ?? "nothing";
        files?.outcome(line);
        offlineWait?.ended(line.agent);
        printer.take(line, seen);
        progress.ended(line.outcome === "success");
      }
      progress.draw();
    }
  } catch (error) {
    if (offlineWait?.signal.aborted !== true) throw error;
  } finally {
    progress.clearLine();
    offlineWait?.close();
  }
  printer.close();
  if (!isForProgram && total > 1) {
    const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
    remark(`${total} agents: ${parts.join(", ")}`);
  }
  if (!isForProgram) remarkOnRetry(accepted.job, retries);
  if (offlineWait?.signal.aborted) offlineWait.remarkOnLeft();
  const isWhole = (await files?.close()) ?? true;
  return isWhole && counts.get("success") === total ? exitOk : exitFailed;
}

/** The flags of `wsctl jobs retry` by what they select. */
const retryFlags = { failed: "--failed", not_started: "--not-started", lost: "--lost" } as const;

/** Adds the flag that selects this outcome; a success has none. */
function addRetryFlag({ outcome, code }: OutcomeLine, flags: Set<string>): void {
  const request = { state: outcome, ...(code === undefined ? {} : { code }) };
  for (const kind of ["failed", "not_started", "lost"] as const) {
    if (isRetried(kind, request)) flags.add(retryFlags[kind]);
  }
}

/** A signature covers one request, so a signed job cannot be retried. */
function remarkOnRetry({ job_id: id, signed }: JobView, flags: ReadonlySet<string>): void {
  if (flags.size === 0 || signed) return;
  remark(`Retry with: wsctl jobs retry ${id} ${[...flags].sort().join(" ")}`);
}
