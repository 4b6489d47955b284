import { expect, test } from "bun:test";
import { LogSink } from "../../../lib/log/logSink.ts";

/** A stream that takes what it is told to. */
function inHand() {
  const lines: string[] = [];
  const calls: ((error?: Error) => void)[] = [];
  const state: { mode: "takes" | "fails" | "holds" } = { mode: "takes" };
  const stream = {
    fd: -1,
    on: () => stream,
    write: (line: string, done: (error?: Error) => void) => {
      if (state.mode === "takes") lines.push(line);
      if (state.mode === "holds") calls.push(done);
      else done(state.mode === "fails" ? new Error("EPIPE") : undefined);
      return true;
    },
  };
  const tell = (lost: number) => `lost ${lost}\n`;
  return { lines, calls, state, sink: new LogSink({ stream: stream as never, tell }) };
}

test("lines that could not be written are counted, and told of as soon as one can", () => {
  const { lines, state, sink } = inHand();
  state.mode = "fails";
  for (let index = 0; index < 5; index++) sink.write("x\n");
  state.mode = "takes";
  sink.write("y\n");
  sink.write("z\n");
  expect(lines).toEqual(["lost 5\n", "y\n", "z\n"]);
});

test("log sink: if the reader stops, lines above one megabyte are dropped", () => {
  const { lines, calls, state, sink } = inHand();
  state.mode = "holds";
  const line = `${"x".repeat(1023)}\n`;
  for (let index = 0; index < 5_000; index++) sink.write(line);
  expect(calls.length).toBeLessThanOrEqual(1_024);
  const held = calls.length;
  for (const done of calls.splice(0)) done();
  state.mode = "takes";
  sink.write("y\n");
  expect(lines).toEqual([`lost ${5_000 - held}\n`, "y\n"]);
});
