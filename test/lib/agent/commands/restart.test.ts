import { describe, expect, test } from "bun:test";
import { restart } from "../../../../lib/agent/commands/restart.ts";
import { contextWith } from "./facts.ts";

function runWith(delay_seconds: number, signal: AbortSignal) {
  return restart.run({ delay_seconds }, contextWith(signal));
}

describe("restart", () => {
  test("ends the process", () => {
    expect(restart.endsProcess).toBe(true);
  });

  test("asks for the process to be replaced, after its delay", async () => {
    const { signal } = new AbortController();
    expect(await runWith(0, signal)).toEqual({ status: "restart" });
    expect(await runWith(0.001, signal)).toEqual({ status: "restart" });
  });

  test("restart: throws if it is aborted before or during its delay", async () => {
    const abort = new AbortController();
    const waiting = runWith(3_600, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await expect(runWith(3_600, AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});
