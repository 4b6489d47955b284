/**
 * A job's outcomes as lines of JSON, each as soon as it is on disk, until the last. The stream
 * reads the journal behind a cursor whenever it is told that there is more, so that a slow reader
 * costs no memory and a broken stream is resumed behind its last line.
 */
import { newBell } from "./bell.ts";
import type { Engine } from "./engine.ts";
import type { StoredJob } from "./journal.ts";
import { outcomeLine } from "./views.ts";

const pageRows = 500;

/** An empty line after so long without an outcome: both ends see that the other is still there. */
const keepAliveMs = 10_000;

export interface OutcomeStreamOptions {
  engine: Engine;
  job: StoredJob;
  /** The cursor of the last line that was received; 0 for all. */
  after: number;
  /** A line to send before the outcomes. */
  first?: unknown;
}

export function outcomeStream(options: OutcomeStreamOptions): ReadableStream<Uint8Array> {
  const { engine, job } = options;
  const encoder = new TextEncoder();
  const bell = newBell();
  const unwatch = engine.watchers.add(job.jobId, bell.ring);
  let cursor = options.after;

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (options.first === undefined) return;
        controller.enqueue(encoder.encode(`${JSON.stringify(options.first)}\n`));
      },
      async pull(controller) {
        for (;;) {
          const rows = engine.journal.outcomes(job.jobId, cursor, pageRows);
          const last = rows.at(-1);
          if (last !== undefined) {
            cursor = last.sequence;
            const lines = rows.map((row) => `${JSON.stringify(outcomeLine(job, row))}\n`);
            controller.enqueue(encoder.encode(lines.join("")));
            return;
          }
          const { ended, total } = engine.journal.job(job.jobId) ?? job;
          if (ended === total) {
            unwatch();
            controller.close();
            return;
          }
          if (!(await bell.wait(keepAliveMs))) {
            controller.enqueue(encoder.encode("\n"));
            return;
          }
        }
      },
      cancel() {
        unwatch();
        bell.ring();
      },
    },
    { highWaterMark: 1 },
  );
}
