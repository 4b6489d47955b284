/** A job's stream as an operator reads it: live output as it comes, then how each request ended. */

import { isOutput } from "../lib/client/streamProgress.ts";
import type { AcceptedLine, OutcomeLine, StreamLine } from "../lib/protocol/api.ts";
import { visible } from "../lib/visible.ts";
import { exitFailed, exitOk } from "./_exit.ts";
import type { OutputSink } from "./_live.ts";
import { paint, print, printJson, remark } from "./_output.ts";
import type { OutputDir } from "./_outputDir.ts";

export interface ShowOptions {
  json: boolean;
  /** Where live output goes; undefined where it was not asked for. */
  sink: OutputSink | undefined;
  /** Set where the output goes into files. */
  dir: OutputDir | undefined;
}

/** Shows every line; the outcomes decide the exit status. */
export async function showJob(
  { accepted, lines }: { accepted: Pick<AcceptedLine, "job">; lines: AsyncIterable<StreamLine> },
  { json, sink, dir }: ShowOptions,
): Promise<number> {
  const { total } = accepted.job;
  const counts = new Map<string, number>();
  for await (const line of lines) {
    if (isOutput(line)) {
      sink?.piece(line);
      continue;
    }
    counts.set(line.outcome, (counts.get(line.outcome) ?? 0) + 1);
    const wasSeen = sink?.end(line.request_id) ?? false;
    dir?.outcome(line, wasSeen);
    if (json) printJson({ ...line, cursor: undefined });
    else printOutcome(line, wasSeen || dir !== undefined);
  }
  if (!json && total > 1) {
    const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
    remark(`${total} agents: ${parts.join(", ")}`);
  }
  const isWhole = (await dir?.close()) ?? true;
  return isWhole && counts.get("success") === total ? exitOk : exitFailed;
}

/** Of a message whose lines were seen already only how it failed is left to say. */
function printOutcome(line: OutcomeLine, wasSeen: boolean): void {
  const { agent, command, outcome, code, message, result, duration_ms } = line;
  const word = paint(outcome === "success" ? "green" : "red", outcome);
  const duration = paint("grey", `(${duration_ms} ms)`);
  const lines = visible(message ?? "").split("\n");
  const isShort = lines.length === 1;
  // What an update came to is said by the agent; what was seen is how it was fetched.
  const isSaid = wasSeen && outcome === "success" && command !== "update";
  const head = wasSeen ? (isSaid ? "" : lines[0]) : isShort ? lines[0] : "";
  const parts = [agent, word, visible(code ?? ""), head, duration];
  print(parts.filter((part) => part !== "").join("  "));
  if (!isShort && !wasSeen) for (const each of lines) print(`[${agent}] ${each}`);
  if (tellsMore(result)) print(visible(JSON.stringify(result, null, 2)));
}

/** Whether a result says more than the outcome, which tells of the exit status already. */
function tellsMore(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return result !== undefined;
  return Object.keys(result).some((key) => key !== "exit_code" && key !== "signal");
}
