import { expect, test } from "bun:test";
import { table } from "../../../cmd/output/table.ts";

test("columns line up where cells have wide and combining characters", () => {
  const shown = table(
    ["NAME", "X"],
    [
      ["日本", "1"],
      ["e\u0301", "2"],
      ["web-1", "3"],
    ],
  );
  expect(shown.split("\n")).toEqual(["NAME   X", "日本   1", "e\u0301      2", "web-1  3"]);
});

test("a cell with line ends or control characters keeps its place in the table", () => {
  expect(table(["A", "B"], [["one\ntwo", "\u001b[31m"]])).not.toContain("\u001b");
});
