import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { isTimestamp, timestamp } from "../../../lib/protocol/timestamp.ts";

const good = [
  "2025-02-24T12:34:56Z",
  "2025-02-24T12:34:56+00:00",
  "2025-02-24T00:00:00Z",
  "2025-02-24T23:59:59Z",
  "2025-12-31T23:59:59.999999999Z",
  ...Array.from({ length: 9 }, (_, digits) => `2025-02-24T12:34:56.${"1".repeat(digits + 1)}Z`),
  "2025-02-24T12:34:56.123+00:00",
  "2024-02-29T00:00:00Z",
  "2000-02-29T00:00:00Z",
  "2400-02-29T00:00:00Z",
  "1900-02-28T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "9999-12-31T23:59:59Z",
  ...["01-31", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30"].map(
    (day) => `2025-${day}T00:00:00Z`,
  ),
];

const badDates = [
  ...["2024-02-30", "2023-02-29", "2025-02-29", "1900-02-29", "2100-02-29", "2025-04-31"],
  ...["2025-06-31", "2025-09-31", "2025-11-31", "2025-01-32", "2025-12-32", "2025-00-10"],
  ...["2025-13-01", "2025-01-00", "2025-1-01", "2025-01-1", "25-01-01", "02025-01-01"],
  ...["+2025-01-01", "-2025-01-01", "20250101", "2025-W09-1", "2025-055", "2025/01/01"],
];
const badTimes = [
  ...["24:00:00", "25:00:00", "12:60:00", "12:34:60", "12:34:61", "12:34", "1:02:03", "12"],
  ...["12:34:56.", "12:34:56.1234567890", "12:34:56,5", "123456", "-1:00:00", "12:34:5"],
];
const badZones = [
  "",
  "z",
  "+02:00",
  "-05:00",
  "-00:00",
  "+0000",
  "+00",
  " Z",
  "+00:00Z",
  "ZZ",
  "UTC",
];

const bad = [
  ...badDates.map((date) => `${date}T12:34:56Z`),
  ...badTimes.map((time) => `2025-02-24T${time}Z`),
  ...badZones.map((zone) => `2025-02-24T12:34:56${zone}`),
  "2025-02-24t12:34:56Z",
  "2025-02-24 12:34:56Z",
  "2025-02-24",
  "",
  "now",
  "1740400496",
  " 2025-02-24T12:34:56Z",
  "2025-02-24T12:34:56Z ",
  "2025-02-24T12:34:56Z\n",
  "\n2025-02-24T12:34:56Z",
  "٢٠٢٥-02-24T12:34:56Z",
  "２０２５-02-24T12:34:56Z",
  "Mon, 24 Feb 2025 12:34:56 GMT",
];

describe("isTimestamp()", () => {
  test.each(good)("takes %s", (text) => {
    expect(isTimestamp(text)).toBe(true);
  });

  test.each(bad)("refuses %j", (text) => {
    expect(isTimestamp(text)).toBe(false);
  });

  test("refuses a text of any length without reading on", () => {
    expect(isTimestamp(`2025-02-24T12:34:56.${"0".repeat(60_000)}Z`)).toBe(false);
  });

  test("agrees with the calendar on every day of 1900, 2000, 2023 and 2024", () => {
    for (const year of [1900, 2000, 2023, 2024]) {
      for (let month = 1; month <= 12; month++) {
        for (let day = 1; day <= 31; day++) {
          const date = new Date(Date.UTC(year, month - 1, day));
          const isReal = date.getUTCMonth() === month - 1;
          const [mm, dd] = [month, day].map((number) => String(number).padStart(2, "0"));
          expect(isTimestamp(`${year}-${mm}-${dd}T00:00:00Z`)).toBe(isReal);
        }
      }
    }
  });
});

describe("timestamp()", () => {
  test("writes milliseconds since 1970 in UTC", () => {
    expect(timestamp(0)).toBe("1970-01-01T00:00:00.000Z");
    expect(timestamp(1_740_400_496_007)).toBe("2025-02-24T12:34:56.007Z");
    expect(timestamp(1_740_400_500_000)).toBe("2025-02-24T12:35:00.000Z");
    expect(timestamp(1_740_400_499_999.9)).toBe("2025-02-24T12:34:59.999Z");
    expect(timestamp(-1)).toBe("1969-12-31T23:59:59.999Z");
  });

  test("writes what isTimestamp() takes and Date.parse reads back", () => {
    const most = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: most }), (ms) => {
        const text = timestamp(ms);
        expect(isTimestamp(text)).toBe(true);
        expect(Date.parse(text)).toBe(ms);
      }),
    );
  });
});
