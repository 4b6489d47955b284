/** What becomes of a stream's source, whichever way the stream ends. */
import { expect, test } from "bun:test";
import type { StoredJob } from "../../../../lib/control/core/model.ts";
import type { Engine } from "../../../../lib/control/engine/engine.ts";
import {
  ResponseStreams,
  type StreamSource,
} from "../../../../lib/control/engine/responseStreams.ts";
import { OutputStream } from "../../../../lib/control/streams/outputStream.ts";
import { subscriptionsPerStreamMax } from "../../../../lib/protocol/limits.ts";

/** Gives what it is made of, then waits to be closed. */
class Pieces implements StreamSource {
  isOver = false;
  closed = 0;
  readonly #pieces: (string | Error)[];
  #wake = () => {};

  constructor(...pieces: (string | Error)[]) {
    this.#pieces = pieces;
  }

  async next(): Promise<string> {
    const piece = this.#pieces.shift();
    if (piece === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (piece instanceof Error) throw piece;
    if (piece === "end") this.isOver = true;
    return piece === "end" ? "" : (piece ?? "");
  }

  close(): void {
    this.closed++;
    this.#wake();
  }
}

const text = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString();

test("response streams: a source that ends or fails is closed and released", async () => {
  const streams = new ResponseStreams();
  const draft = new Pieces("", "one\n", "end");
  expect(await new Response(streams.open("t", draft, "first\n")).text()).toBe("first\none\n");
  expect(draft.closed).toBe(1);
  const failing = new Pieces(new Error("no disk"));
  const reader = streams.open("t", failing).getReader();
  expect(reader.read()).rejects.toThrow("no disk");
  await reader.closed.catch(() => {});
  expect(failing.closed).toBe(1);
});

test("response streams: a waiting stream ends with its own token only", async () => {
  const streams = new ResponseStreams();
  const [ours, theirs] = [new Pieces("one\n"), new Pieces("two\n")];
  const reader = streams.open("ours", ours).getReader();
  const other = streams.open("theirs", theirs).getReader();
  expect(text((await reader.read()).value)).toBe("one\n");
  const waiting = reader.read();
  streams.end("ours");
  expect((await waiting).done).toBe(true);
  expect(ours.closed).toBeGreaterThan(0);
  expect(text((await other.read()).value)).toBe("two\n");
  expect(theirs.closed).toBe(0);
  await other.cancel();
  expect(theirs.closed).toBe(1);
});

test("response streams: a closed stream starts no further subscription, however many requests were waiting", async () => {
  const followed = new Set<number>();
  let last = 0;
  const total = subscriptionsPerStreamMax + 50;
  const requests = Array.from({ length: total }, (_, index) => {
    return { requestId: `r${index}`, agentId: "a" };
  });
  const job = { jobId: "j", command: "work", ended: 0, total } as StoredJob;
  const engine = {
    outcomeListeners: { add: () => () => {} },
    journal: { requests: () => requests, outcomes: () => [], job: () => job },
    core: { registry: { agents: new Map([["a", { record: { capabilities: "c" } }]]) } },
    capabilities: { get: () => undefined },
    newSubscription: () => {
      followed.add(++last);
      return last;
    },
    subscribeOutput: () => {},
    unsubscribeOutput: (subscriber: number) => void followed.delete(subscriber),
  } as unknown as Engine;
  const source = new OutputStream({ engine, job, after: 0, received: {} });
  const reader = new ResponseStreams().open("t", source).getReader();
  const waiting = reader.read();
  expect(followed.size).toBe(subscriptionsPerStreamMax);
  await reader.cancel();
  expect((await waiting).done).toBe(true);
  await source.next();
  expect(followed.size).toBe(0);
});
