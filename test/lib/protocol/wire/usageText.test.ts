import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  formatCpuUsage,
  formatMemoryUsage,
  parseCpuUsage,
  parseMemoryUsage,
} from "../../../../lib/protocol/wire/usageText.ts";

describe("parseCpuUsage()", () => {
  test.each([
    ["30%", 30],
    ["30 %", 30],
    ["0%", 0],
    ["0.5%", 0.5],
    ["12.345678%", 12.345678],
    ["100%", 100],
    ["1600%", 1600],
    ["007%", 7],
  ])("reads %j as %d", (text, percent) => {
    expect(parseCpuUsage(text)).toBe(percent);
  });

  const bad = ["", "30", "%", "30%%", "-1%", "+1%", ".5%", "5.%", "1e3%", "30  %", " 30%", "30% "];
  test.each([
    ...bad,
    "30\t%",
    "30%\n",
    "NaN%",
    "Infinity%",
    "1,5%",
    "٣%",
    "30 percent",
    "1234567%",
  ])("refuses %j", (text) => {
    expect(parseCpuUsage(text)).toBeUndefined();
  });

  test("refuses a text of any length without reading on", () => {
    expect(parseCpuUsage(`${"0".repeat(60_000)}%`)).toBeUndefined();
  });
});

describe("parseMemoryUsage()", () => {
  test.each([
    ["1.5GB", 1_500_000_000],
    ["1.5 GB", 1_500_000_000],
    ["512MB", 512_000_000],
    ["1KB", 1_000],
    ["2TB", 2_000_000_000_000],
    ["0MB", 0],
    ["0.000001KB", 0],
    ["1.000001MB", 1_000_001],
  ])("reads %j as %d bytes", (text, bytes) => {
    expect(parseMemoryUsage(text)).toBe(bytes);
  });

  const bad = [
    "",
    "1.5",
    "GB",
    "1.5gb",
    "1.5Gb",
    "1.5GiB",
    "1.5G",
    "1.5B",
    "1.5PB",
    "-1GB",
    "1GB ",
  ];
  test.each([...bad, "1,5GB", "1e3MB", "1.GB", ".5GB", "1.5  GB", " 1GB", "1GB\n", "NaNGB"])(
    "refuses %j",
    (text) => {
      expect(parseMemoryUsage(text)).toBeUndefined();
    },
  );
});

describe("formatCpuUsage()", () => {
  test.each([
    [0, "0%"],
    [30, "30%"],
    [12.34, "12.3%"],
    [12.35001, "12.4%"],
    [99.96, "100%"],
    [1e-9, "0%"],
    [250, "250%"],
  ])("writes %d as %s", (percent, text) => {
    expect(formatCpuUsage(percent)).toBe(text);
  });

  test("writes what parseCpuUsage() reads back to a tenth", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100_000, noNaN: true }), (percent) => {
        const back = parseCpuUsage(formatCpuUsage(percent)) ?? Number.NaN;
        expect(Math.abs(back - percent)).toBeLessThanOrEqual(0.0501);
      }),
    );
  });
});

describe("formatMemoryUsage()", () => {
  test.each([
    [0, "0.0MB"],
    [1_500_000_000, "1.50GB"],
    [1_000_000_000, "1.00GB"],
    [512_000_000, "512.0MB"],
    [1, "0.0MB"],
    [64_000_000_000, "64.00GB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(formatMemoryUsage(bytes)).toBe(text);
  });

  test("writes what parseMemoryUsage() reads back within a hundredth of its unit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (bytes) => {
        const back = parseMemoryUsage(formatMemoryUsage(bytes)) ?? Number.NaN;
        const step = bytes >= 1e9 ? 1e7 : 1e5;
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(step / 2 + 1);
      }),
    );
  });
});
