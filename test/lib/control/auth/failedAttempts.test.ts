import { describe, expect, test } from "bun:test";
import { FailedAttempts, toNetwork } from "../../../../lib/control/auth/failedAttempts.ts";
import {
  authFailuresMax,
  authWindowMs,
  failedAddressesMax,
} from "../../../../lib/protocol/limits.ts";

describe("failed attempts", () => {
  test("failed attempts: an address is rate-limited above the maximum until the window ends", () => {
    const limit = new FailedAttempts();
    for (let count = 0; count < authFailuresMax; count++) {
      expect(limit.failed("192.0.2.1", 0)).toBeUndefined();
    }
    expect(limit.failed("192.0.2.1", 1_000)).toBe((authWindowMs - 1_000) / 1000);
    expect(limit.failed("192.0.2.2", 1_000)).toBeUndefined();
    expect(limit.failed("192.0.2.1", authWindowMs)).toBeUndefined();
  });

  test("failed attempts: addresses of one IPv6 network count together", () => {
    const limit = new FailedAttempts();
    let waits: number | undefined;
    for (let host = 0; host <= authFailuresMax; host++)
      waits = limit.failed(`2001:db8::${host}`, 0);
    expect(waits).toBeGreaterThan(0);
    expect(limit.failed("2001:db8:0:1::1", 0)).toBeUndefined();
  });

  test("failed attempts: memory is bounded for any number of addresses", () => {
    const limit = new FailedAttempts();
    for (let host = 0; host < 3 * failedAddressesMax; host++) limit.failed(`host-${host}`, 0);
    expect(limit.failed("host-0", 0)).toBeUndefined();
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["1:2:3:4:5::", "1:2:3:4"],
])("the network of %s is %s", (address, network) => {
  expect(toNetwork(address)).toBe(network);
});
