import { expect, test } from "bun:test";
import { claimValues, findRole, type UserRole } from "../../../../lib/control/auth/oidcUser.ts";

const grants = new Map<string, UserRole>([
  ["staff", "viewer"],
  ["ops", "operator"],
  ["root", "admin"],
]);

test.each([
  [["staff"], "viewer"],
  [["staff", "ops"], "operator"],
  [["root", "staff"], "admin"],
  [["Staff"], undefined],
  [["admin"], undefined],
  [[], undefined],
] as const)("roleOf(%j) is %s", (values, role) => {
  expect(findRole(values, grants)).toBe(role as UserRole);
});

test.each([
  [{ groups: ["a", "b"] }, "groups", ["a", "b"]],
  [{ groups: "a" }, "groups", ["a"]],
  [{ groups: ["a", 7, null, ["b"]] }, "groups", ["a"]],
  [{ groups: { a: true } }, "groups", []],
  [{ realm_access: { roles: ["a"] } }, "realm_access.roles", ["a"]],
  [{ "https://x.example/roles": ["a"] }, "https://x.example/roles", ["a"]],
  [{}, "constructor.name", []],
  [{}, "__proto__", []],
  [{ groups: null }, "groups.a", []],
])("claimValues(%j, %j) is %j", (claims, name, values) => {
  expect(claimValues(claims, name)).toEqual(values);
});
