import { expect, test } from "bun:test";
import {
  credentialFingerprint,
  isCredentialValid,
  requestFingerprint,
} from "../../../../lib/control/auth/credentialFingerprint.ts";
import { LoginSessions } from "../../../../lib/control/auth/logins/loginSessions.ts";
import type { StoredToken, TokenTable } from "../../../../lib/control/journal/tables/tokenTable.ts";

const hash = new Uint8Array([1, 2, 3, 4, 5]);
const token: StoredToken = {
  ...{ tokenId: "t", role: "operator", hash, state: "active", createdAt: 1, createdBy: "local" },
};
const logins = new LoginSessions({ lifetimeMs: 100, idleMs: 50 });
const records = (stored: StoredToken) => ({
  tokens: { get: (id: string) => (id === "t" ? stored : undefined) } as unknown as TokenTable,
  logins,
});

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

test("a URL on behalf of a person without a token ends with the session, and has not its secret", () => {
  const { hash: _hash, ...person } = token;
  const holder = { issuer: "https://id", subject: "ana", name: "ana", role: "viewer" } as const;
  logins.begin("secret", { kind: "person", person: { ...holder, id: "https://id#ana" } }, 0);
  const by = requestFingerprint(person, "secret");
  expect(by).not.toContain("secret");
  expect(isCredentialValid(records(token), by, 10)).toBe(true);
  expect(isCredentialValid(records(token), requestFingerprint(person, "other"), 10)).toBe(false);
  expect(isCredentialValid(records(token), by, 50)).toBe(false);
  logins.end("secret");
  expect(isCredentialValid(records(token), by, 10)).toBe(false);
});
