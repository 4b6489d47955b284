import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readLines } from "../../../lib/client/ndjson.ts";

const longMs = 60_000;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An answer that arrives in these pieces. */
function answerOf(pieces: readonly Uint8Array<ArrayBuffer>[]): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );
}

async function linesOf(response: Response, silenceMs = longMs): Promise<unknown[]> {
  return await Array.fromAsync(readLines(response, silenceMs));
}

describe("readLines()", () => {
  test("reads one value a line and skips the empty lines that keep the stream alive", async () => {
    const response = answerOf([bytes('\n{"a":1}\n\n\n{"a":2}\n'), bytes("\n"), bytes("[3]\n\n")]);
    expect(await linesOf(response)).toEqual([{ a: 1 }, { a: 2 }, [3]]);
  });

  test("reads the same however the bytes are cut", async () => {
    const values = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(values, fc.array(fc.nat(200), { maxLength: 8 }), async (given, cuts) => {
        const whole = bytes(given.map((value) => `${JSON.stringify(value)}\n`).join(""));
        const ends = [0, ...cuts, whole.length].sort((a, b) => a - b);
        const pieces = ends.slice(1).map((end, index) => whole.slice(ends[index], end));
        const read = await linesOf(answerOf(pieces));
        expect(JSON.stringify(read)).toBe(JSON.stringify(given));
      }),
    );
  });

  test("reads characters that are cut in their middle", async () => {
    const pieces = [...bytes('"€😀"\n')].map((byte) => Uint8Array.of(byte));
    expect(await linesOf(answerOf(pieces))).toEqual(["€😀"]);
  });

  test("hands over a line before the next one has come", async () => {
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        feed = controller;
      },
    });
    const lines = readLines(new Response(stream), longMs);
    feed?.enqueue(bytes("1\n2"));
    expect(await lines.next()).toEqual({ done: false, value: 1 });
    const second = lines.next();
    feed?.enqueue(bytes("3\n"));
    expect(await second).toEqual({ done: false, value: 23 });
    feed?.close();
    expect((await lines.next()).done).toBe(true);
  });

  test("ends at once where there is no body", async () => {
    expect(await linesOf(answerOf([]))).toEqual([]);
    expect(await linesOf(new Response(""))).toEqual([]);
  });

  test("throws when the stream falls silent, and lets go of it", async () => {
    let isCancelled = false;
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes("1\n"));
      },
      cancel() {
        isCancelled = true;
      },
    });
    const lines = readLines(new Response(stream), 1);
    expect((await lines.next()).value).toBe(1);
    await expect(lines.next()).rejects.toThrow("no data from the stream");
    await lines.next();
    expect(isCancelled).toBe(true);
  });

  test("lets go of the stream when the reader has enough", async () => {
    let isCancelled = false;
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(bytes("1\n2\n"));
      },
      cancel() {
        isCancelled = true;
      },
    });
    for await (const line of readLines(new Response(stream), longMs)) {
      expect(line).toBe(1);
      break;
    }
    expect(isCancelled).toBe(true);
  });

  test("throws on a line that is no JSON and on a connection that breaks", async () => {
    await expect(linesOf(answerOf([bytes("1\n{oops\n")]))).rejects.toThrow();
    const broken = new ReadableStream({
      pull(controller) {
        controller.error(new Error("connection reset"));
      },
    });
    await expect(linesOf(new Response(broken))).rejects.toThrow("connection reset");
  });
});
