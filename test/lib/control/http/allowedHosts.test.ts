import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { AllowedHosts } from "../../../../lib/control/http/allowedHosts.ts";

const hosts = new AllowedHosts(["hub.example", "*.fleet.example"]);

test.each([
  ["127.0.0.1", true],
  ["127.0.0.1:7420", true],
  ["[::1]:7420", true],
  ["192.0.2.7:1", true],
  ["localhost:7420", true],
  ["LOCALHOST", true],
  [`${hostname()}:7420`, true],
  ["hub.example", true],
  ["hub.example.:7420", true],
  ["a.fleet.example", true],
  ["fleet.example", false],
  ["a.b.fleet.example", false],
  ["evil.example", false],
  ["hub.example.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["localhost.evil", false],
  ["hub.example:7420:1", false],
  ["hub.example@evil.example", false],
  ["hub.example/x", false],
  [" hub.example", false],
  ["[::1", false],
  ["", false],
  [undefined, false],
])("Host: %s is one of ours: %s", (header, expected) => {
  expect(hosts.allows(header)).toBe(expected);
});
