/**
 * A job's outcomes as lines of JSON, each as soon as it is on disk, until the last.
 */
import type { Engine } from "./engine.ts";
import type { StoredJob } from "./journal.ts";
import { OutcomeFeed } from "./outcomeFeed.ts";
import { outcomeLine } from "./views.ts";

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
  const feed = new OutcomeFeed(engine, job, options.after);

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (options.first === undefined) return;
        controller.enqueue(encoder.encode(`${JSON.stringify(options.first)}\n`));
      },
      async pull(controller) {
        for (;;) {
          const outcomes = feed.next();
          if (outcomes.length > 0) {
            const lines = outcomes.map((each) => `${JSON.stringify(outcomeLine(job, each))}\n`);
            controller.enqueue(encoder.encode(lines.join("")));
          }
          if (feed.isOver) {
            feed.close();
            controller.close();
            return;
          }
          if (outcomes.length > 0) return;
          if (!(await feed.wait(keepAliveMs))) {
            controller.enqueue(encoder.encode("\n"));
            return;
          }
        }
      },
      cancel: () => feed.close(),
    },
    { highWaterMark: 1 },
  );
}
