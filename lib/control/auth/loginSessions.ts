/**
 * Who is logged in at the console, in memory alone: a restart logs everybody out. A login is known
 * by the hash of its secret, which only the browser has, and speaks for a token or for a person.
 * Pure: told the time and handed the secrets.
 */
import { createHash } from "node:crypto";
import { WsctlError } from "../../protocol/errors.ts";
import { loginsMax, loginsPerHolderMax } from "../../protocol/limits.ts";
import type { Person } from "./oidcUser.ts";

/** For whom a login speaks; `mark` tells whether the token has still the secret that logged in. */
export type Holder =
  | { kind: "token"; tokenId: string; mark: string }
  | { kind: "person"; person: Person };

export interface Login {
  holder: Holder;
  begunAt: number;
  usedAt: number;
}

export interface LoginTerms {
  /** How long it is good for, and how long unused, in milliseconds. */
  lifetimeMs: number;
  idleMs: number;
}

export class Logins {
  readonly #terms: LoginTerms;
  /** In the order in which they began. */
  readonly #logins = new Map<string, Login>();

  constructor(terms: LoginTerms) {
    this.#terms = terms;
  }

  /** Throws `BUSY` where too many are logged in. */
  begin(secret: string, holder: Holder, now: number): void {
    for (const [hash, login] of this.#logins)
      if (this.#isOver(login, now)) this.#logins.delete(hash);
    const own = [...this.#logins].filter(([, login]) => nameOf(login.holder) === nameOf(holder));
    if (own.length >= loginsPerHolderMax) this.#logins.delete(own[0]?.[0] ?? "");
    if (this.#logins.size >= loginsMax) {
      throw new WsctlError("BUSY", `${loginsMax} logins at a time are the most: try again later`);
    }
    this.#logins.set(hashOf(secret), { holder, begunAt: now, usedAt: now });
  }

  /** The login behind a secret, which counts as used now; undefined where it is over. */
  use(secret: string, now: number): Login | undefined {
    const login = this.#logins.get(hashOf(secret));
    if (login === undefined) return undefined;
    if (this.#isOver(login, now)) {
      this.end(secret);
      return undefined;
    }
    login.usedAt = now;
    return login;
  }

  end(secret: string): void {
    this.#logins.delete(hashOf(secret));
  }

  /** When a login ends, however much it is used. */
  endOf({ begunAt }: Login): number {
    return begunAt + this.#terms.lifetimeMs;
  }

  #isOver(login: Login, now: number): boolean {
    return now >= this.endOf(login) || now >= login.usedAt + this.#terms.idleMs;
  }
}

function nameOf(holder: Holder): string {
  return holder.kind === "token" ? holder.tokenId : holder.person.id;
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
