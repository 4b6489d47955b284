import { expect, test } from "bun:test";
import { assertOffered } from "../../../cmd/flags/host.ts";

const flags = {
  ...{ trust: [], allowExec: ["**"], allowPush: [], allowPull: [], releaseKeys: [] },
  ...{ "release-threshold": "1", "max-running": "1", "max-waiting": "1" },
  ...{ "max-timeout": "1s", "max-output": "256" },
};

test.each([
  ["allow-push", { allowPush: ["/a/**"] }],
  ["allow-pull", { allowPull: ["/a/**"] }],
  ["allow-scripts", { "allow-scripts": "all" }],
])("assertOffered(): refuses --%s on Windows alone", (name, more) => {
  const given = { ...flags, ...more };
  expect(() => assertOffered(given, true)).toThrow(`Flag --${name} does not work on Windows`);
  expect(() => assertOffered(given, false)).not.toThrow();
});

test("assertOffered(): takes the other flags of a host on Windows", () => {
  expect(() => assertOffered(flags, true)).not.toThrow();
});
