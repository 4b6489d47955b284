import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  loginsMax,
  loginsPerSubjectMax,
} from "../../../../../lib/control/auth/logins/loginLimits.ts";
import {
  LoginSessions,
  type LoginSubject,
  openLoginSessions,
} from "../../../../../lib/control/auth/logins/loginSessions.ts";
import { silentLog } from "../../../../../lib/log/log.ts";
import { temporaryDir } from "../../../../support/processes/processes.ts";

const holder = (tokenId: string, isOneTime = false): LoginSubject => {
  return { kind: "token", tokenId, mark: "m", isOneTime };
};
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

test("login sessions: a store keeps those of tokens for the next process, not those of people", () => {
  using dir = temporaryDir();
  const open = () => openLoginSessions({ lifetimeMs: 1_000_000, idleMs: 100_000 }, dir, silentLog);
  const first = open();
  const person = { id: "i#s", issuer: "i", subject: "s", name: "Ada", role: "viewer" } as const;
  first.begin("token", holder("a"), 0);
  first.begin("ended", holder("a"), 0);
  first.begin("person", { kind: "person", person }, 0);
  first.end("ended");
  // A use is written down once a minute.
  first.use("token", 90_000);
  const next = open();
  expect(next.use("token", 180_000)?.holder).toEqual(holder("a"));
  expect([next.use("ended", 1), next.use("person", 1)]).toEqual([undefined, undefined]);
  expect(open().use("token", 1_000_000)).toBeUndefined();
});

test("login sessions: what cannot be written is removed, so that no ended session comes back", () => {
  using dir = temporaryDir();
  const open = () => openLoginSessions({ lifetimeMs: 1_000, idleMs: 1_000 }, dir, silentLog);
  const first = open();
  first.begin("secret", holder("a"), 0);
  // A directory is where the new file would be written.
  mkdirSync(join(dir, "console-sessions.json.new", "full"), { recursive: true });
  first.end("secret");
  expect(open().use("secret", 1)).toBeUndefined();
});
