/** Under which addresses a control plane is reached, by the address at which it listens. */
import { expect, test } from "bun:test";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import {
  localHost,
  publicHost,
  serverNames,
  urlHost,
} from "../../../../lib/control/tls/serverNames.ts";

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["[::]", "::1"],
  ["0::0", "::1"],
  ["::ffff:0.0.0.0", "127.0.0.1"],
  ["2001:db8::5", "2001:db8::5"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["cp.example.com", "cp.example.com"],
])("what listens at %s is reached by this host at %s", (host, expected) => {
  expect(localHost(host)).toBe(expected);
});

test("a wildcard is shown to others as an address of this host, never as itself", () => {
  for (const host of ["0.0.0.0", "::", "[::]"]) {
    const shown = publicHost(host, []);
    expect(["0.0.0.0", "::", "127.0.0.1", "::1"]).not.toContain(shown);
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    if (isIP(shown) !== 0) expect(own.map(({ address }) => address)).toContain(shown);
  }
  expect(publicHost("::", ["cp.example.com", "10.0.0.1"])).toBe("cp.example.com");
});

test("an IPv4-mapped address is certified and shown as IPv4", () => {
  expect(serverNames("::ffff:192.0.2.7", [])).toContain("192.0.2.7");
  expect(publicHost("[::FFFF:192.0.2.7]", [])).toBe("192.0.2.7");
});

test("an IPv6 address is in brackets in a URL", () => {
  expect(urlHost("2001:db8::5")).toBe("[2001:db8::5]");
  expect(urlHost("192.0.2.7")).toBe("192.0.2.7");
});
