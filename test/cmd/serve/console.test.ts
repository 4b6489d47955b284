import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConsoleFlags, parseConsole } from "../../../cmd/serve/console.ts";
import { temporaryDir } from "../../support/processes/processes.ts";

const defaults: ConsoleFlags = {
  console: "full",
  "console-lifetime": "8h",
  "console-idle": "30m",
  "oidc-scope": "openid profile",
  "oidc-role-claim": "groups",
  "oidc-token-lifetime": "12h",
  grants: [],
};
const provider = {
  "oidc-issuer": "https://id.example/realm",
  "oidc-client-id": "wsctl",
  grants: ["ops=operator"],
};
const of = (flags: Partial<ConsoleFlags>) => parseConsole({ ...defaults, ...flags });

describe("the flags of the console", () => {
  test("without any there is no provider, and a login for a working day", () => {
    expect(of({})).toEqual({ mode: "full", lifetimeMs: 8 * 3_600_000, idleMs: 30 * 60_000 });
  });

  test("a provider is named with what it takes", () => {
    using dir = temporaryDir();
    const secret = join(dir, "secret");
    writeFileSync(secret, "s3cret\n");
    const grants = ["ops=operator", "cn=staff,dc=example=viewer"];
    const flags = { ...provider, "oidc-client-secret-file": secret, grants };
    expect(of(flags).oidc).toEqual({
      issuer: "https://id.example/realm",
      clientId: "wsctl",
      clientSecret: "s3cret",
      scope: "openid profile",
      roleClaim: "groups",
      grants: new Map([
        ["ops", "operator"],
        ["cn=staff,dc=example", "viewer"],
      ]),
      tokenLifetimeMs: 12 * 3_600_000,
    });
  });

  test("an empty secret is none", () => {
    using dir = temporaryDir();
    const secret = join(dir, "secret");
    writeFileSync(secret, "\n");
    const flags = { ...provider, "oidc-client-secret-file": secret };
    expect(() => of(flags)).toThrow(/is empty/);
  });

  test.each(["http://127.0.0.1:8080", "http://localhost/realm", "https://id.example"])(
    "%s is an issuer",
    (issuer) => {
      expect(of({ ...provider, "oidc-issuer": issuer }).oidc?.issuer).toBe(issuer);
    },
  );

  test.each([
    [{ "oidc-issuer": "http://id.example" }, /expected https/],
    [{ "oidc-issuer": "http://127.0.0.1.evil.example" }, /expected https/],
    [{ "oidc-issuer": "id.example" }, /expected https/],
    [{ "oidc-issuer": "https://id.example/?a=b" }, /expected https/],
    [{ "oidc-issuer": undefined }, /need --oidc-issuer/],
    [{ "oidc-client-id": undefined }, /needs --oidc-client-id/],
    [{ grants: [] }, /no user can log in/],
    [{ grants: ["ops"] }, /expected VALUE=ROLE/],
    [{ grants: ["=admin"] }, /expected VALUE=ROLE/],
    [{ grants: ["ops=root"] }, /admin, operator, viewer/],
    [{ grants: ["ops=agent"] }, /admin, operator, viewer/],
    [{ "oidc-scope": "profile" }, /expected openid/],
    [{ "oidc-client-secret-file": "/nowhere" }, /cannot read/],
    [{ "console-url": "https://cp.example/console?x=1" }, /expected https/],
    [{ "console-url": "cp.example" }, /expected https/],
    [{ "console-lifetime": "31d" }, /from 1s to 30d/],
    [{ console: "write" }, /full, read-only, off/],
    [{ "console-idle": "0" }, /from 1s to 30d|expected/],
  ] as [Partial<ConsoleFlags>, RegExp][])("%j is refused by name", (wrong, says) => {
    expect(() => of({ ...provider, ...wrong })).toThrow(says);
  });
});
