/** Whose address counts behind proxies: what a trusted one appended, never what a client wrote. */
import { expect, test } from "bun:test";
import type { Context } from "hono";
import { ClientAddresses } from "../../../../lib/control/auth/clientAddress.ts";

function find(
  peer: string,
  headers: Record<string, string>,
  trusted = ["127.0.0.1", "10.0.0.0/8"],
) {
  const addresses = new ClientAddresses({ remoteAddress: () => peer }, trusted);
  const c = { req: { header: (name: string) => headers[name] } };
  return addresses.find(c as unknown as Context);
}

test.each([
  ["no header", "127.0.0.1", {}, "127.0.0.1"],
  ["one hop", "127.0.0.1", { "x-forwarded-for": "192.0.2.7" }, "192.0.2.7"],
  ["a forged head", "127.0.0.1", { "x-forwarded-for": "6.6.6.6, 192.0.2.7" }, "192.0.2.7"],
  ["two trusted hops", "127.0.0.1", { "x-forwarded-for": "192.0.2.7, 10.1.2.3" }, "192.0.2.7"],
  ["trusted hops alone", "127.0.0.1", { "x-forwarded-for": "10.1.2.4,10.1.2.3" }, "10.1.2.4"],
  ["a stranger's header", "192.0.2.9", { "x-forwarded-for": "10.1.2.3" }, "192.0.2.9"],
  ["a mapped peer", "::ffff:127.0.0.1", { "x-forwarded-for": "192.0.2.7" }, "192.0.2.7"],
  ["a mapped client", "127.0.0.1", { "x-forwarded-for": "::FFFF:192.0.2.7" }, "192.0.2.7"],
  ["a port", "127.0.0.1", { "x-forwarded-for": "192.0.2.7:4711" }, "192.0.2.7"],
  ["IPv6 with a port", "127.0.0.1", { "x-forwarded-for": "[2001:DB8::7]:4711" }, "2001:db8::7"],
  ["a name", "10.0.0.9", { "x-forwarded-for": "192.0.2.7, example.com" }, "10.0.0.9"],
  ["nothing", "127.0.0.1", { "x-forwarded-for": "" }, "127.0.0.1"],
  ["Forwarded", "127.0.0.1", { forwarded: "for=192.0.2.7;proto=https;by=10.0.0.1" }, "192.0.2.7"],
  ["quoted IPv6", "127.0.0.1", { forwarded: 'For="[2001:db8::7]:4711"' }, "2001:db8::7"],
  ["an open quote", "127.0.0.1", { forwarded: 'for="6.6.6.6, for=192.0.2.7' }, "192.0.2.7"],
  ["a hidden client", "127.0.0.1", { forwarded: "for=192.0.2.7, for=_hidden" }, "127.0.0.1"],
  ["two names", "127.0.0.1", { forwarded: "for=192.0.2.7;for=192.0.2.8" }, "127.0.0.1"],
  [
    "both, alike",
    "127.0.0.1",
    { forwarded: "for=192.0.2.7", "x-forwarded-for": "192.0.2.7" },
    "192.0.2.7",
  ],
])("%s: from %s with %j it is %s", (_what, peer, headers, expected) => {
  expect(find(peer, headers as Record<string, string>)).toBe(expected);
});

test("headers that name different clients are refused, since one of them is the client's own", () => {
  const headers = { forwarded: "for=6.6.6.6", "x-forwarded-for": "192.0.2.7" };
  expect(() => find("127.0.0.1", headers)).toThrow(/name different clients/);
  expect(find("192.0.2.9", headers)).toBe("192.0.2.9");
});

test("another node of the cluster reports its client, and only with the secret of the nodes", () => {
  const secret = "a".repeat(64);
  const addresses = new ClientAddresses({ remoteAddress: () => "192.0.2.9" }, [], secret);
  const from = (given: string) => {
    const headers: Record<string, string> = { "wsctl-node": given, "x-forwarded-for": "192.0.2.7" };
    const c = { req: { header: (name: string) => headers[name] } } as unknown as Context;
    return [addresses.isNode(c), addresses.find(c)];
  };
  expect(from(secret)).toEqual([true, "192.0.2.7"]);
  expect(from("b".repeat(64))).toEqual([false, "192.0.2.9"]);
  expect(from("a")).toEqual([false, "192.0.2.9"]);
  expect(from("")).toEqual([false, "192.0.2.9"]);
  expect(find("192.0.2.9", { "wsctl-node": "", "x-forwarded-for": "192.0.2.7" })).toBe("192.0.2.9");
});
