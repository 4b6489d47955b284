/** Whatever a peer or a caller sends: an answer by the rules, the same everywhere, and no end. */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { denoFile } from "../support/processes/processes.ts";
import { type Report, runInputs } from "./run.ts";

const fixedInputs = 140_000;
const comparedInputs = 100_000;
const freshInputs = 70_000;

/** All that must have been met, or the inputs have become too dull to find anything. */
const wanted = [
  ...["agent v1", "agent", "control v1", "control"].flatMap((side) =>
    ["MALFORMED", "UNSUPPORTED_TYPE", "FORBIDDEN", "TOO_LARGE"].map((code) => `${side} ${code}`),
  ),
  ...["heartbeat", "status_update", "response", "error", "hello"].map((type) => `agent v1 ${type}`),
  ...["command", "error", "welcome", "ack", "cancel", "goaway"].map((type) => `control v1 ${type}`),
  ...["heartbeat", "status_update", "response", "error"].map((type) => `agent ${type}`),
  ...["command", "error"].map((type) => `control ${type}`),
  ...["success", "failed", "error", "expired", "lost"].map((outcome) => `ended ${outcome}`),
  ...["job taken", "token taken", "close malformed", "closed without a hello", "answered", "ack"],
  ...["agent runs", "a late welcome", "a command came again"],
];

function hold(report: Report, inputs: number): void {
  // A failure names its seed, the input and the command that repeats it.
  expect(report.failure).toBeUndefined();
  expect(report.inputs).toBe(inputs);
  expect(wanted.filter((what) => !report.met.has(what))).toEqual([]);
}

describe("the fuzzer", () => {
  test(`finds nothing in ${fixedInputs} inputs, and Deno says the same of ${comparedInputs}`, () => {
    const report = runInputs({ from: 0, inputs: fixedInputs });
    hold(report, fixedInputs);
    const main = new URL("./main.ts", import.meta.url).pathname;
    const args = ["run", "-A", main, "--inputs", String(comparedInputs), "--digests"];
    const deno = spawnSync(denoFile(), args, { encoding: "utf8" });
    const digests = report.digests.slice(0, comparedInputs / 1_000);
    const lines = digests.map((digest, index) => `${(index + 1) * 1_000} ${digest}`);
    // The first line that differs is within a thousand inputs of what differs.
    expect(deno.stdout.trim().split("\n")).toEqual(lines);
  }, 180_000);

  test(`finds nothing in ${freshInputs} inputs that nobody has seen`, () => {
    const from = 10_000_000 + (Math.floor(Date.now() / 1000) % 1_000_000) * 100_000;
    hold(runInputs({ from, inputs: freshInputs }), freshInputs);
  }, 120_000);

  test("makes other inputs from other seeds, and the same from the same", () => {
    const digest = (from: number) => runInputs({ from, inputs: 1_000 }).digests[0];
    expect(digest(5_000)).toBe(digest(5_000) ?? "none");
    expect(digest(5_000)).not.toBe(digest(6_000) ?? "none");
  });
});
