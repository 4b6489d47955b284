import { expect, test } from "bun:test";
import { assertSystem } from "../../../cmd/cli/supportedSystem.ts";

test("assertSystem(): refuses control plane and agent on Windows, and says where they run", () => {
  for (const command of ["serve", "agent"]) {
    expect(() => assertSystem(command, "win32")).toThrow(
      `wsctl ${command} does not run on Windows. Run it on Linux or macOS`,
    );
    for (const system of ["linux", "darwin"])
      expect(() => assertSystem(command, system)).not.toThrow();
  }
});
