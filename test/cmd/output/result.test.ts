import { describe, expect, test } from "bun:test";
import { describeLogs } from "../../../cmd/output/result.ts";

describe("describeLogs()", () => {
  const whole = { lines: 3, bytes: 549, sha256: "x", files: [{ path: "/a", lines: 3 }] };

  test("says how many lines were fetched", () => {
    expect(describeLogs(whole)).toEqual(["3 lines (549 B) of 1 file"]);
  });

  test("says what is missing", () => {
    const files = [{ path: "/a", lines: 1, lines_without_timestamp: 2 }];
    const skipped = [{ path: "/b", reason: "EACCES" }];
    const rest = { skipped, skipped_omitted: 7, files_omitted: 4, stopped: true };
    expect(describeLogs({ ...whole, lines: 1, files, ...rest })).toEqual([
      "1 line (549 B) of 5 files; 2 lines without a known time; stopped early",
      "skipped /b: EACCES",
      "skipped 7 more files",
    ]);
  });

  test("says where a large result is", () => {
    const artifact_id = "01a22d02-250d-7036-bf50-fa3e95b36e98";
    expect(describeLogs({ ...whole, artifact: { artifact_id, name: "app.log" } })?.[1]).toBe(
      `app.log: wsctl artifacts get ${artifact_id}`,
    );
    expect(describeLogs({ ...whole, file: "/run/x" })?.[1]).toBe("on the host as /run/x");
  });

  test("leaves every other result to others", () => {
    for (const other of [undefined, null, 3, "x", {}, { lines: "3" }]) {
      expect(describeLogs(other)).toBeUndefined();
    }
  });
});
