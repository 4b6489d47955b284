import { describe, expect, test } from "bun:test";
import { parse } from "content-disposition";
import {
  attachment,
  parseContentRange,
  parseRange,
} from "../../../../lib/control/artifacts/rangeHeaders.ts";

describe("parseContentRange()", () => {
  test("reads the places of a part within what was announced", () => {
    expect(parseContentRange(undefined, 10)).toBeUndefined();
    expect(parseContentRange("bytes 0-9/10", 10)).toEqual({ start: 0, end: 10 });
    expect(parseContentRange(" bytes 3-3/10 ", 10)).toEqual({ start: 3, end: 4 });
  });

  test.each([
    "",
    "bytes 0-9",
    "bytes 0-9/*",
    "bytes */10",
    "bytes 0-9/11",
    "bytes 0-10/10",
    "bytes 5-4/10",
    "bytes -1-4/10",
    "octets 0-9/10",
    "bytes 0-9/10, 0-1/10",
    `bytes 0-${"9".repeat(20)}/10`,
  ])("refuses %p by name", (text) => {
    expect(() => parseContentRange(text, 10)).toThrow(
      /Content-Range must have the form "bytes FIRST-LAST\/10"/,
    );
  });
});

describe("parseRange()", () => {
  test.each([
    [undefined, undefined],
    ["bytes=0-0", { start: 0, end: 1 }],
    ["bytes=2-", { start: 2, end: 10 }],
    ["bytes=2-99", { start: 2, end: 10 }],
    ["bytes=-3", { start: 7, end: 10 }],
    ["bytes=-99", { start: 0, end: 10 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=5-4", undefined],
    ["bytes=-", undefined],
    ["bytes=a-b", undefined],
    ["bytes=0-1,3-4", undefined],
    ["items=0-1", undefined],
  ] as const)("of %p among ten bytes", (text, range) => {
    expect(parseRange(text, undefined, '"sum"', 10)).toEqual(range);
  });

  test("is the whole where If-Range names another content", () => {
    expect(parseRange("bytes=0-0", '"sum"', '"sum"', 10)).toEqual({ start: 0, end: 1 });
    expect(parseRange("bytes=0-0", '"old"', '"sum"', 10)).toBeUndefined();
    expect(parseRange("bytes=0-0", "Wed, 25 Feb 2026 10:00:00 GMT", '"sum"', 10)).toBeUndefined();
  });

  test("of nothing is never satisfied", () => {
    expect(parseRange("bytes=0-", undefined, undefined, 0)).toBe("unsatisfiable");
    expect(parseRange("bytes=-1", undefined, undefined, 0)).toBe("unsatisfiable");
  });
});

test.each(["a.txt", `ö'"; filename="x(1)*.html`, "two words", "../up", "€"])(
  "attachment() names %p so that a client reads that very name, and nothing else",
  (name) => {
    const header = attachment(name);
    expect(header).toMatch(/^attachment; [\x20-\x7e]+$/);
    expect(parse(header)).toEqual({ type: "attachment", parameters: { filename: name } });
  },
);
