import { expect, test } from "bun:test";
import { LoginSessions, type LoginSubject } from "../../../../lib/control/auth/loginSessions.ts";
import { loginsMax, loginsPerSubjectMax } from "../../../../lib/protocol/limits.ts";

const holder = (tokenId: string): LoginSubject => ({ kind: "token", tokenId, mark: "m" });
const logins = () => new LoginSessions({ lifetimeMs: 1_000, idleMs: 100 });

test("login sessions: use() finds a session by its secret until the session ends", () => {
  const known = logins();
  known.begin("secret", holder("a"), 0);
  expect(known.use("secret", 1)?.holder).toEqual(holder("a"));
  expect(known.use("another", 1)).toBeUndefined();
  known.end("secret");
  expect(known.use("secret", 1)).toBeUndefined();
});

test("login sessions: use() extends the idle time and not the lifetime", () => {
  const known = logins();
  known.begin("used", holder("a"), 0);
  known.begin("unused", holder("a"), 0);
  for (let now = 90; now < 1_000; now += 90) expect(known.use("used", now)).toBeDefined();
  expect(known.use("unused", 990)).toBeUndefined();
  expect(known.use("used", 999)).toBeDefined();
  expect(known.use("used", 1_000)).toBeUndefined();
});

test("login sessions: begin() ends only the oldest session of the same token or user", () => {
  const known = logins();
  known.begin("other", holder("b"), 0);
  for (let count = 0; count <= loginsPerSubjectMax; count++) {
    known.begin(`own-${count}`, holder("a"), 0);
  }
  expect(known.use("own-0", 0)).toBeUndefined();
  expect(known.use("own-1", 0)).toBeDefined();
  expect(known.use("other", 0)).toBeDefined();
});

test("login sessions: begin() refuses sessions above the maximum", () => {
  const known = logins();
  for (let count = 0; count < loginsMax; count++) known.begin(`${count}`, holder(`${count}`), 0);
  expect(() => known.begin("more", holder("more"), 99)).toThrow(/Too many console sessions/);
  known.begin("later", holder("later"), 100);
  expect(known.use("later", 100)).toBeDefined();
});
