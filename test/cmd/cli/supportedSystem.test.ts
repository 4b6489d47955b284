import { expect, test } from "bun:test";
import { assertSystem } from "../../../cmd/cli/supportedSystem.ts";

test("assertSystem(): refuses the control plane and units on Windows, and says what to do", () => {
  expect(() => assertSystem("serve", "win32")).toThrow(
    "wsctl serve does not run on Windows. Run it on Linux or macOS",
  );
  expect(() => assertSystem("service", "win32")).toThrow(
    "wsctl service does not run on Windows. Use WinSW",
  );
  for (const system of ["linux", "darwin"])
    expect(() => assertSystem("serve", system)).not.toThrow();
});
