import { expect, test } from "bun:test";
import { isSameOrigin } from "../../../../lib/control/console/sameOrigin.ts";

const plain = "http://127.0.0.1:7420";
const safe = "https://cp.example";

test.each([
  [plain, "http://127.0.0.1:7420", "127.0.0.1:7420", undefined, true],
  [plain, "http://localhost:7420", "localhost:7420", "same-origin", true],
  [plain, "http://localhost:3000", "localhost:7420", "same-site", false],
  [plain, "http://localhost:3000", "localhost:7420", undefined, false],
  [plain, "https://evil.example", "localhost:7420", undefined, false],
  [plain, "http://localhost:7420", "localhost:7420", "cross-site", false],
  [plain, "null", "localhost:7420", undefined, false],
  [plain, "", "localhost:7420", undefined, false],
  [plain, undefined, "localhost:7420", "same-origin", false],
  // Behind a proxy, which may call us by another name.
  [safe, "https://cp.example", "10.0.0.7:7420", undefined, true],
  [safe, "https://cp.example", "cp.example", undefined, true],
  [safe, "http://cp.example", "cp.example", undefined, false],
  [safe, "https://cp.example.evil.example", "cp.example", undefined, false],
])("under %s, the origin %s with the host %s from %s: %s", (url, origin, host, site, expected) => {
  expect(isSameOrigin({ origin, host, site }, url)).toBe(expected);
});
