/**
 * Console sessions. A session is stored by the hash of its secret, which only the browser has, and
 * belongs to a token or an OIDC user. A store keeps those of tokens over a restart. This module is
 * passed the time and the secrets.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Log } from "../../../log/log.ts";
import { WsctlError } from "../../../protocol/errors.ts";
import type { OidcUser } from "../oidcUser.ts";
import { loginsMax, loginsPerSubjectMax } from "./loginLimits.ts";
import { LoginStore, type StoredLogin } from "./loginStore.ts";

/** For how long after a login or its confirmation the console may create tokens and approve. */
const confirmedMs = 5 * 60 * 1000;

/** How often the use of sessions is written down. */
const saveMs = 60 * 1000;

/**
 * The subject of a session. `mark` changes when the secret of the token is rotated. The token of a
 * login string is a one-time one: its user does not have it, and cannot prove it again.
 */
export type LoginSubject =
  | { kind: "token"; tokenId: string; mark: string; isOneTime: boolean }
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
  readonly #store: LoginStore | undefined;
  #savedAt = 0;
  #onEnd: (sessionId: string) => void = () => {};

  /** @param store Where sessions of tokens outlast the process; nowhere if absent. */
  constructor(terms: SessionLimits, store?: LoginStore) {
    this.#terms = terms;
    this.#store = store;
    for (const { hash, token_id: tokenId, mark, ...times } of store?.load() ?? []) {
      const isOneTime = times.one_time === true;
      this.#logins.set(hash, {
        holder: { kind: "token", tokenId, mark, isOneTime },
        begunAt: times.begun_at,
        usedAt: times.used_at,
        confirmedAt: times.confirmed_at,
      });
    }
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
    this.#save(now);
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
    // Each use need not be on disk: a session may end this much earlier after a restart.
    if (now >= this.#savedAt + saveMs) this.#save(now);
    return login;
  }

  /** Returns the session of a secret as `use` does, but does not mark it as used. */
  peek(secret: string, now: number): Login | undefined {
    const login = this.#logins.get(hashSecret(secret));
    return login === undefined || this.#isOver(login, now) ? undefined : login;
  }

  /** Whether the session with this id exists; this does not mark it as used. */
  isOpen(sessionId: string, now: number): boolean {
    for (const [hash, login] of this.#logins) {
      if (toSessionId(hash) === sessionId) return !this.#isOver(login, now);
    }
    return false;
  }

  /** The user has proved again who they are. */
  confirm(secret: string, now: number): void {
    const login = this.#logins.get(hashSecret(secret));
    if (login === undefined) return;
    login.confirmedAt = now;
    this.#save(now);
  }

  /** Whether sensitive requests need no further confirmation. */
  isConfirmed({ confirmedAt }: Login, now: number): boolean {
    return now < confirmedAt + confirmedMs;
  }

  end(secret: string): void {
    if (!this.#logins.delete(hashSecret(secret))) return;
    this.#save(this.#savedAt);
    this.#onEnd(formatSessionId(secret));
  }

  /** Sets what is called when a session is ended. A session that has expired is only forgotten. */
  onEnd(listener: (sessionId: string) => void): void {
    this.#onEnd = listener;
  }

  /** When a session ends, even if it is in use. */
  expiry({ begunAt }: Login): number {
    return begunAt + this.#terms.lifetimeMs;
  }

  #save(now: number): void {
    this.#savedAt = now;
    const stored: StoredLogin[] = [];
    for (const [hash, { holder, begunAt, usedAt, confirmedAt }] of this.#logins) {
      if (holder.kind !== "token") continue;
      const { tokenId: token_id, mark, isOneTime } = holder;
      const times = { begun_at: begunAt, used_at: usedAt, confirmed_at: confirmedAt };
      stored.push({ hash, token_id, mark, ...times, ...(isOneTime ? { one_time: true } : {}) });
    }
    this.#store?.save(stored);
  }

  #isOver(login: Login, now: number): boolean {
    return now >= this.expiry(login) || now >= login.usedAt + this.#terms.idleMs;
  }
}

/** The sessions of a control plane, with those that its last process kept. */
export function openLoginSessions(terms: SessionLimits, dataDir: string, log: Log): LoginSessions {
  return new LoginSessions(terms, new LoginStore(join(dataDir, "console-sessions.json"), log));
}

const sessionIdStart = "session-";

/** Names a session in URLs; its secret cannot be found from this. */
export function formatSessionId(secret: string): string {
  return toSessionId(hashSecret(secret));
}

export function isSessionId(text: string): boolean {
  return text.startsWith(sessionIdStart);
}

function toSessionId(hash: string): string {
  return `${sessionIdStart}${hash.slice(0, 32)}`;
}

function formatSubject(subject: LoginSubject): string {
  return subject.kind === "token" ? subject.tokenId : subject.person.id;
}

function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
