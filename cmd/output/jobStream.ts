/** Prints a job's stream: live output when it arrives, then the outcome of each request. */

import { isOutput } from "../../lib/client/streamCursor.ts";
import type { AcceptedLine, StreamLine } from "../../lib/protocol/api/views.ts";
import { exitFailed, exitOk } from "../cli/exit.ts";
import type { JobProgress } from "./jobProgress.ts";
import type { OutputSink } from "./liveLines.ts";
import type { OutcomePrinter } from "./outcomePrinter.ts";
import type { OutputDirectory } from "./outputDirectory.ts";
import { remark } from "./stdio.ts";

export interface ShowOptions {
  printer: OutcomePrinter;
  /** The output is for a program, so no remarks are printed. */
  isForProgram: boolean;
  progress: JobProgress;
  /** The sink of live output; undefined if it is not shown. */
  sink: OutputSink | undefined;
  /** Set if the output goes into files. */
  dir: OutputDirectory | undefined;
}

/** Prints every line. The outcomes determine the exit status. */
export async function showJob(
  { accepted, lines }: { accepted: Pick<AcceptedLine, "job">; lines: AsyncIterable<StreamLine> },
  { printer, isForProgram, progress, sink, dir }: ShowOptions,
): Promise<number> {
  const { total } = accepted.job;
  const counts = new Map<string, number>();
  progress.begin(total);
  try {
    for await (const line of lines) {
      progress.clearLine();
      if (isOutput(line)) sink?.piece(line);
      else {
        counts.set(line.outcome, (counts.get(line.outcome) ?? 0) + 1);
        const seen = sink?.end(line) ?? "nothing";
        dir?.outcome(line);
        printer.take(line, seen);
        progress.ended(line.outcome === "success");
      }
      progress.draw();
    }
  } finally {
    progress.clearLine();
  }
  printer.close();
  if (!isForProgram && total > 1) {
    const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
    remark(`${total} agents: ${parts.join(", ")}`);
  }
  const isWhole = (await dir?.close()) ?? true;
  return isWhole && counts.get("success") === total ? exitOk : exitFailed;
}
