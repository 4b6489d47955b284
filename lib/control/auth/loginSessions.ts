/**
 * Console sessions. They are kept in memory only, so a restart ends all of them. A session is
 * stored by the hash of its secret, which only the browser has, and belongs to a token or an OIDC
 * user. This module is pure: it is passed the time and the secrets.
 */
import { createHash } from "node:crypto";
import { WsctlError } from "../../protocol/errors.ts";
import { loginsMax, loginsPerSubjectMax } from "../../protocol/limits.ts";
import type { OidcUser } from "./oidcUser.ts";

/** For how long after a login or its confirmation the console may create tokens and approve. */
const confirmedMs = 5 * 60 * 1000;

/** The subject of a session. `mark` changes when the secret of the token is rotated. */
export type LoginSubject =
  | { kind: "token"; tokenId: string; mark: string }
  | { kind: "person"; person: OidcUser };

export interface Login {
  holder: LoginSubject;
  begunAt: number;
  usedAt: number;
  /** When the user last proved who they are. */
  confirmedAt: number;
}

export interface SessionLimits {
  /** The maximum age and the maximum idle time of a session, in milliseconds. */
  lifetimeMs: number;
  idleMs: number;
}

export class LoginSessions {
  readonly #terms: SessionLimits;
  /** Ordered by their start. */
  readonly #logins = new Map<string, Login>();

  constructor(terms: SessionLimits) {
    this.#terms = terms;
  }

  /**
   * Starts a session.
   *
   * @throws {WsctlError} BUSY if too many sessions exist
   */
  begin(secret: string, subject: LoginSubject, now: number): void {
    for (const [hash, login] of this.#logins)
      if (this.#isOver(login, now)) this.#logins.delete(hash);
    const own = [...this.#logins].filter(
      ([, login]) => formatSubject(login.holder) === formatSubject(subject),
    );
    if (own.length >= loginsPerSubjectMax) this.#logins.delete(own[0]?.[0] ?? "");
    if (this.#logins.size >= loginsMax) {
      throw new WsctlError(
        "BUSY",
        `Too many console sessions (maximum ${loginsMax}). Try again later`,
      );
    }
    this.#logins.set(hashSecret(secret), {
      holder: subject,
      begunAt: now,
      usedAt: now,
      confirmedAt: now,
    });
  }

  /** Returns the session of a secret and marks it as used; undefined if it has expired. */
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

  /** Returns the session of a secret as `use` does, but does not mark it as used. */
  peek(secret: string, now: number): Login | undefined {
    const login = this.#logins.get(hashSecret(secret));
    return login === undefined || this.#isOver(login, now) ? undefined : login;
  }

  /** The user has proved again who they are. */
  confirm(secret: string, now: number): void {
    const login = this.#logins.get(hashSecret(secret));
    if (login !== undefined) login.confirmedAt = now;
  }

  /** Whether sensitive requests need no further confirmation. */
  isConfirmed({ confirmedAt }: Login, now: number): boolean {
    return now < confirmedAt + confirmedMs;
  }

  end(secret: string): void {
    this.#logins.delete(hashSecret(secret));
  }

  /** When a session ends, even if it is in use. */
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
