/** Streams a job's outcomes as NDJSON lines, each as soon as it is on disk. */

import type { StoredJob } from "../core/model.ts";
import type { Engine } from "../engine/engine.ts";
import type { LineSource, StreamSource } from "../engine/responseStreams.ts";
import { outcomeLine } from "../views/views.ts";
import { type FeedLimits, OutcomeFeed } from "./outcomeFeed.ts";

/**
 * An empty line is sent after this time without an outcome, so that both ends detect a broken
 * connection.
 */
const keepAliveMs = 10_000;

export interface OutcomeStreamOptions {
  engine: Engine;
  job: StoredJob;
  /** The cursor of the last line that was received; 0 for all. */
  after: number;
  limits?: FeedLimits;
}

export class OutcomeStream implements StreamSource, LineSource {
  readonly #job: StoredJob;
  readonly #feed: OutcomeFeed;

  constructor({ engine, job, after, limits }: OutcomeStreamOptions) {
    this.#job = job;
    this.#feed = new OutcomeFeed(engine, job, after, limits);
  }

  async next(): Promise<string> {
    const lines = this.read();
    if (lines !== "" || this.isOver) return lines;
    return (await this.wait()) ? "" : "\n";
  }

  read(): string {
    const outcomes = this.#feed.next();
    return outcomes.map((each) => `${JSON.stringify(outcomeLine(this.#job, each))}\n`).join("");
  }

  wait(): Promise<boolean> {
    return this.#feed.wait(keepAliveMs);
  }

  get isOver(): boolean {
    return this.#feed.isOver;
  }

  close(): void {
    this.#feed.close();
  }
}
