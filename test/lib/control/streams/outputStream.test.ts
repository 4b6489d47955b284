/** A job's stream on a clock of the test's own: whom it waits for, and for how long. */
import { describe, expect, test } from "bun:test";
import type { ReadableStreamDefaultReader } from "node:stream/web";
import { setImmediate } from "node:timers/promises";
import type {
  OutputSubscription,
  StoredJob,
  StoredOutcome,
} from "../../../../lib/control/core/model.ts";
import type { Engine } from "../../../../lib/control/engine/engine.ts";
import { ResponseStreams } from "../../../../lib/control/engine/responseStreams.ts";
import { OutputStream } from "../../../../lib/control/streams/outputStream.ts";
import type { OutcomeLine, OutputLine } from "../../../../lib/protocol/api/views.ts";
import { outputDrainMs } from "../../../../lib/protocol/limits.ts";
import type { OutputPayload } from "../../../../lib/protocol/wire/outputFrame.ts";

const job = { jobId: "j", command: "work", ended: 0, total: 1 } as StoredJob;
const subscriber = 1;

/** The stream of one job with one request, and its agent in hand. */
class Watching {
  readonly subscriptions: OutputSubscription[] = [];
  hasLeft = false;
  nowMs = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Pieces that the agent has yet to send, as soon as it is asked. */
  #spooled = 0;
  #rest = "";
  #pass: (piece: OutputPayload) => void = () => {};
  #ring: () => void = () => {};
  #outcome: StoredOutcome | undefined;
  #sequence = 0;

  constructor(spooled = 0) {
    this.#spooled = spooled;
    const engine = {
      outcomeListeners: {
        add: (_jobId: string, ring: () => void) => {
          this.#ring = ring;
          return () => {};
        },
      },
      journal: {
        requests: () => [{ requestId: "r", agentId: "a" }],
        outcomes: (_jobId: string, after: number) =>
          this.#outcome === undefined || after > 0 ? [] : [this.#outcome],
        job: () => ({ ...job, ended: this.#outcome === undefined ? 0 : 1 }),
      },
      core: { registry: { agents: new Map([["a", { record: { capabilities: "c" } }]]) } },
      capabilities: { get: () => new Map([["work", { name: "work", output: true }]]) },
      newSubscription: (listener: (piece: OutputPayload) => void) => {
        this.#pass = listener;
        return subscriber;
      },
      subscribeOutput: (subscription: OutputSubscription) => {
        this.subscriptions.push(subscription);
        if (this.#spooled > 0) queueMicrotask(() => this.#serve(subscription));
      },
      unsubscribeOutput: () => {
        this.hasLeft = true;
      },
    } as unknown as Engine;
    const now = () => this.nowMs;
    const source = new OutputStream({ engine, job, after: 0, received: {}, now });
    this.#reader = new ResponseStreams().open("t1", source).getReader();
  }

  /** The agent sends a piece of so many bytes. */
  write(bytes: number): void {
    this.#pass({
      subscription_id: subscriber,
      sequence: ++this.#sequence,
      stream: "stdout",
      bytes: Buffer.alloc(bytes, "x"),
    });
  }

  /** The agent sends what was asked for last. */
  fill(): void {
    for (let left = this.subscriptions.at(-1)?.bytesLeft ?? 0; left > 0; left -= 8_192) {
      this.write(Math.min(left, 8_192));
    }
  }

  #serve({ bytesLeft }: OutputSubscription): void {
    for (let left = bytesLeft; left > 0 && this.#spooled > 0; left -= 8_192) {
      this.write(8_192);
      this.#spooled--;
    }
    if (this.#spooled === 0)
      this.#pass({ subscription_id: subscriber, sequence: this.#sequence, end: true });
  }

  succeed(): void {
    const outcome = { requestId: "r", agentId: "a", outcome: "success", sequence: 1, sentAt: 1 };
    this.#outcome = { ...outcome, createdAt: 0, endedAt: 2 } as unknown as StoredOutcome;
    this.#ring();
  }

  /** The next line; undefined at the end. */
  async line(): Promise<Partial<OutputLine & OutcomeLine> | undefined> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += Buffer.from(value).toString();
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line);
  }

  /** Lines until the outcome; how many pieces there were, and what said that some are missing. */
  async toOutcome(): Promise<{ last: number; incomplete?: number }> {
    let last = 0;
    let incomplete: number | undefined;
    for (;;) {
      const line = await this.line();
      if (line?.outcome === "success") return { last, ...(incomplete ? { incomplete } : {}) };
      if (line?.output?.incomplete) incomplete = line.output.sequence;
      else last = line?.output?.sequence ?? last;
    }
  }
}

describe("behind the outcome", () => {
  test("a reader that pauses for as long as it likes is given all that there is", async () => {
    const pieces = 256;
    const watching = new Watching(pieces);
    watching.succeed();
    for (let sequence = 1; sequence <= pieces; sequence++) {
      expect((await watching.line())?.output?.sequence).toBe(sequence);
      // The agent answers at once.
      await setImmediate();
      watching.nowMs += 60_000;
    }
    expect(await watching.line()).toMatchObject({ outcome: "success" });
    expect(await watching.line()).toBeUndefined();
    expect(watching.hasLeft).toBe(true);
  });

  test("output stream: a silent agent's output ends with a line that reports it as incomplete", async () => {
    const watching = new Watching();
    watching.write(100);
    watching.succeed();
    expect((await watching.line())?.output?.sequence).toBe(1);
    watching.nowMs += outputDrainMs;
    expect(await watching.line()).toMatchObject({ output: { sequence: 1, incomplete: true } });
    expect(await watching.line()).toMatchObject({ outcome: "success" });
    expect(await watching.line()).toBeUndefined();
  });

  test("output stream: endless output of an agent is cut off and reported as incomplete", async () => {
    const watching = new Watching();
    watching.succeed();
    const read = watching.toOutcome();
    let isRead = false;
    void read.then(() => {
      isRead = true;
    });
    for (let pieces = 0; pieces < 100 && !isRead; pieces++) {
      watching.write(1);
      watching.nowMs += 3_000;
      await setImmediate();
    }
    expect(isRead).toBe(true);
    const { last, incomplete } = await read;
    expect(last).toBeGreaterThan(5);
    expect(last).toBeLessThan(20);
    expect(incomplete).toBe(last);
  });

  test("output stream: output larger than a spool is cut off and reported as incomplete", async () => {
    const watching = new Watching();
    watching.succeed();
    const read = watching.toOutcome();
    let isRead = false;
    void read.then(() => {
      isRead = true;
    });
    for (let asked = 0; asked < 1_000 && !isRead; asked++) {
      watching.fill();
      await setImmediate();
    }
    expect((await read).incomplete).toBeGreaterThan(2_000);
  });
});
