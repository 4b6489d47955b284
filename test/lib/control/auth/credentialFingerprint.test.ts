import { expect, test } from "bun:test";
import {
  credentialFingerprint,
  isCredentialValid,
} from "../../../../lib/control/auth/credentialFingerprint.ts";
import type { StoredToken, TokenTable } from "../../../../lib/control/journal/tables/tokenTable.ts";

const hash = new Uint8Array([1, 2, 3, 4, 5]);
const token: StoredToken = {
  ...{ tokenId: "t", role: "operator", hash, state: "active", createdAt: 1, createdBy: "local" },
};
const records = (stored: StoredToken) =>
  ({ get: (id: string) => (id === "t" ? stored : undefined) }) as unknown as TokenTable;

test.each<[string, Partial<StoredToken>, boolean]>([
  ["as it was", {}, true],
  ["before it expires", { expiresAt: 11 }, true],
  ["once it has expired", { expiresAt: 10 }, false],
  ["once it was revoked", { revokedAt: 5 }, false],
  ["once it was fenced", { state: "fenced" }, false],
  ["with another secret", { hash: new Uint8Array([9, 2, 3, 4, 5]) }, false],
])("a URL on behalf of a token %s", (_what, changed, expected) => {
  expect(
    isCredentialValid(records({ ...token, ...changed }), credentialFingerprint(token), 10),
  ).toBe(expected);
});

test("credential fingerprint: a URL without a token is never valid", () => {
  for (const by of ["", "u.01020304", "t", "t.", "t.key"]) {
    expect(isCredentialValid(records(token), by, 10)).toBe(false);
  }
});
