import { expect, test } from "bun:test";
import { formatSpan, meanAndMax, sparkline } from "../../../cmd/output/sparkline.ts";

test.each([
  [[0, 25, 50, 75, 100], 5, "▁▃▅▆█"],
  [[0, 0, 100, 100], 2, "▁█"],
  [[null, 50, null], 3, " ▅ "],
  [[null, null, 100, null], 2, " █"],
  [[], 5, ""],
  [[10], 40, "▂"],
])("sparkline of %j in %d cells", (values, cells, expected) => {
  expect(sparkline(values as (number | null)[], cells, 100)).toBe(expected);
});

test("sparkline: prints the mean and the maximum of the known values", () => {
  expect(meanAndMax([null, 10, 30])).toEqual({ mean: 20, most: 30 });
  expect(meanAndMax([null])).toBeUndefined();
});

test.each([
  [38, 60, "38 min"],
  [1_440, 60, "24 h"],
  [24, 3_600, "24 h"],
  [720, 3_600, "30 d"],
])("%d steps of %d s are %s", (length, step_seconds, expected) => {
  const values = Array<null>(length).fill(null);
  expect(formatSpan({ from: "", step_seconds, cpu_percent: values, memory_bytes: values })).toBe(
    expected,
  );
});
