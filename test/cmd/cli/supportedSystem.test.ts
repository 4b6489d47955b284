import { expect, test } from "bun:test";
import { assertSystem } from "../../../cmd/cli/supportedSystem.ts";

test("assertSystem(): refuses the control plane on Windows, and says where it runs", () => {
  expect(() => assertSystem("serve", "win32")).toThrow(
    "wsctl serve does not run on Windows. Run it on Linux or macOS",
  );
  for (const system of ["linux", "darwin"])
    expect(() => assertSystem("serve", system)).not.toThrow();
});
