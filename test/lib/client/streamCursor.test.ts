import { expect, test } from "bun:test";
import { StreamProgress } from "../../../lib/client/streamCursor.ts";
import type { OutcomeLine, OutputLine } from "../../../lib/protocol/api/views.ts";

const piece = (sequence: number, request_id = "r"): OutputLine => {
  return { job_id: "j", request_id, agent: "a", output: { sequence, text: "x" } };
};
const outcome = (request_id: string, cursor: number): OutcomeLine => ({
  ...{ job_id: "j", request_id, agent: "a", command: "c", outcome: "success" },
  ...{ duration_ms: 1, cursor },
});

test("StreamProgress: after an interruption it requests only the missing lines", () => {
  const progress = new StreamProgress();
  expect(progress.isNew(piece(1))).toBe(true);
  expect(progress.isNew(piece(3))).toBe(true);
  expect(progress.isNew(piece(3))).toBe(false);
  expect(progress.isNew(outcome("s", 4))).toBe(true);
  expect(progress.isNew(outcome("s", 4))).toBe(false);
  expect(progress.ended).toBe(1);
  expect(progress.rest("j", false).path).toBe("/api/v1/jobs/j/outcomes?after=4");
  const { path, init } = progress.rest("j", true);
  expect(path).toBe("/api/v1/jobs/j/stream");
  expect(JSON.parse(init.body as string)).toEqual({ after: 4, output: { r: 3 } });
});

test("StreamProgress: does not request output of ended requests again", () => {
  const progress = new StreamProgress();
  progress.isNew(piece(5));
  progress.isNew(outcome("r", 1));
  const { init } = progress.rest("j", true);
  expect(JSON.parse(init.body as string)).toEqual({ after: 1, output: {} });
});

test('StreamProgress: the "incomplete" line is new whatever was received', () => {
  const progress = new StreamProgress();
  progress.isNew(piece(5));
  const cut = { ...piece(5), output: { sequence: 5, incomplete: true as const } };
  expect(progress.isNew(cut)).toBe(true);
  progress.isNew(outcome("r", 1));
  expect(progress.isNew(cut)).toBe(false);
});

test("StreamProgress: output after the outcome of its request is ignored", () => {
  const progress = new StreamProgress();
  progress.isNew(outcome("r", 1));
  expect(progress.isNew(piece(1))).toBe(false);
});
