/**
 * Who is logged in at the console, in memory alone: a restart logs everybody out. A login is known
 * by the hash of its secret, which only the browser has, and speaks for a token or for a person.
 * Pure: told the time and handed the secrets.
 */
import { createHash } from "node:crypto";
import { WsctlError } from "../../protocol/errors.ts";
import { loginsMax, loginsPerSubjectMax } from "../../protocol/limits.ts";
import type { OidcUser } from "./oidcUser.ts";

/** For whom a login speaks; `mark` tells whether the token has still the secret that logged in. */
export type LoginSubject =
  | { kind: "token"; tokenId: string; mark: string }
  | { kind: "person"; person: OidcUser };

export interface Login {
  holder: LoginSubject;
  begunAt: number;
  usedAt: number;
}

export interface SessionLimits {
  /** How long it is good for, and how long unused, in milliseconds. */
  lifetimeMs: number;
  idleMs: number;
}

export class LoginSessions {
  readonly #terms: SessionLimits;
  /** In the order in which they began. */
  readonly #logins = new Map<string, Login>();

  constructor(terms: SessionLimits) {
    this.#terms = terms;
  }

  /** Throws `BUSY` where too many are logged in. */
  begin(secret: string, subject: LoginSubject, now: number): void {
    for (const [hash, login] of this.#logins)
      if (this.#isOver(login, now)) this.#logins.delete(hash);
    const own = [...this.#logins].filter(
      ([, login]) => formatSubject(login.holder) === formatSubject(subject),
    );
    if (own.length >= loginsPerSubjectMax) this.#logins.delete(own[0]?.[0] ?? "");
    if (this.#logins.size >= loginsMax) {
      throw new WsctlError("BUSY", `${loginsMax} logins at a time are the most: try again later`);
    }
    this.#logins.set(hashSecret(secret), { holder: subject, begunAt: now, usedAt: now });
  }

  /** The login behind a secret, which counts as used now; undefined where it is over. */
  use(secret: string, now: number): Login | undefined {
    const login = this.#logins.get(hashSecret(secret));
    if (login === undefined) return undefined;
    if (this.#isOver(login, now)) {
      this.end(secret);
      return undefined;
    }
    login.usedAt = now;
    return login;
  }

  end(secret: string): void {
    this.#logins.delete(hashSecret(secret));
  }

  /** When a login ends, however much it is used. */
  expiry({ begunAt }: Login): number {
    return begunAt + this.#terms.lifetimeMs;
  }

  #isOver(login: Login, now: number): boolean {
    return now >= this.expiry(login) || now >= login.usedAt + this.#terms.idleMs;
  }
}

function formatSubject(subject: LoginSubject): string {
  return subject.kind === "token" ? subject.tokenId : subject.person.id;
}

function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
