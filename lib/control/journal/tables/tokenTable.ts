/** Tokens in the control plane's journal. */

import type { Role } from "../../../protocol/api/tokens.ts";
import type { Labels } from "../../../protocol/labels.ts";
import type { Database } from "../../../store/sqlite.ts";

export interface StoredToken {
  tokenId: string;
  role: Role;
  /** SHA-256 of the secret; absent for a key. */
  hash?: Uint8Array;
  /** Text of the public key; the agent proves possession of the private key. */
  publicKey?: string;
  agentId?: string;
  /** `pending` needs approval; `fenced` was used from two places. */
  state: "active" | "pending" | "fenced";
  /** The restrictions of the token, if any. */
  labels?: Labels;
  commands?: string[];
  target?: string;
  addresses?: string[];
  expiresAt?: number;
  /** How many agents may still join with it. */
  usesLeft?: number;
  /** The counter of the latest connection that proved this key. */
  counter?: number;
  createdAt: number;
  createdBy: string;
  revokedAt?: number;
}

type Terms = Pick<StoredToken, "labels" | "commands" | "target" | "addresses">;

interface TokenRow {
  token_id: string;
  role: Role;
  hash: Uint8Array | null;
  public_key: string | null;
  agent_id: string | null;
  state: StoredToken["state"];
  terms: string;
  expires_at: number | null;
  uses_left: number | null;
  counter: number | null;
  created_at: number;
  created_by: string;
  revoked_at: number | null;
}

export interface TokenTable {
  get(tokenId: string): StoredToken | undefined;
  all(): StoredToken[];
  /** Returns the valid tokens of this agent. */
  findByAgent(agentId: string, now: number): StoredToken[];
  /** Returns the valid tokens whose agent is not registered. */
  withoutAgent(now: number): StoredToken[];
  add(token: StoredToken): void;
  /**
   * Revokes a token. Returns false if there is no such token. The revocation applies immediately,
   * even if this throws because it could not be written; until it is written, only this process
   * knows it.
   */
  revoke(tokenId: string, at: number): boolean;
  /** Revocations that are not on disk yet: the time, by token id. */
  readonly unwritten: ReadonlyMap<string, number>;
  setState(tokenId: string, state: StoredToken["state"]): void;
  /** Stores the counter. Returns false if it is not greater than that of the latest connection. */
  advance(tokenId: string, counter: number): boolean;
  /** Replaces the secret. */
  replaceHash(tokenId: string, hash: Uint8Array): void;
  /**
   * In one transaction, spends a use of the join token and replaces the agent's keys by the new
   * one. Returns false if no use is left.
   */
  join(joinId: string, key: StoredToken, replaced: readonly string[]): boolean;
  /** Replaces a key in one transaction. */
  rotateKey(tokenId: string, key: StoredToken): void;
  /** Returns when the next valid token expires. */
  nextExpiry(now: number): number | undefined;
  expiredBetween(after: number, until: number): StoredToken[];
}

const knownMax = 1_000;

export function createTokenTable(db: Database): TokenTable {
  const get = db.prepare<[string], TokenRow>("SELECT * FROM tokens WHERE token_id = ?");
  const all = db.prepare<[], TokenRow>("SELECT * FROM tokens ORDER BY created_at, token_id");
  const ofAgent = db.prepare<[string, number], TokenRow>(
    `SELECT * FROM tokens WHERE agent_id = ? AND role = 'agent' AND revoked_at IS NULL
       AND coalesce(expires_at, 1e300) > ?`,
  );
  const withoutAgent = db.prepare<[number], TokenRow>(
    `SELECT * FROM tokens WHERE role = 'agent' AND revoked_at IS NULL
       AND coalesce(expires_at, 1e300) > ? AND agent_id NOT IN (SELECT agent_id FROM agents)
       ORDER BY created_at, token_id`,
  );
  const add = db.prepare(
    `INSERT INTO tokens (token_id, role, hash, public_key, agent_id, state, terms, expires_at,
       uses_left, counter, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const revoke = db.prepare<[number, string]>(
    "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE token_id = ?",
  );
  const setState = db.prepare<[string, string]>("UPDATE tokens SET state = ? WHERE token_id = ?");
  const advance = db.prepare<[number, string, number]>(
    "UPDATE tokens SET counter = ? WHERE token_id = ? AND coalesce(counter, 0) < ?",
  );
  const replaceHash = db.prepare<[Uint8Array, string]>(
    "UPDATE tokens SET hash = ? WHERE token_id = ?",
  );
  const use = db.prepare<[string]>(
    "UPDATE tokens SET uses_left = uses_left - 1 WHERE token_id = ? AND uses_left > 0 AND revoked_at IS NULL",
  );
  const next = db.prepare<[number], { at: number | null }>(
    "SELECT min(expires_at) AS at FROM tokens WHERE expires_at > ? AND revoked_at IS NULL",
  );
  const expired = db.prepare<[number, number], TokenRow>(
    "SELECT * FROM tokens WHERE expires_at > ? AND expires_at <= ? AND revoked_at IS NULL",
  );
  const unwritten = new Map<string, number>();
  const withPendingWrites = (token: StoredToken): StoredToken => {
    const revokedAt = unwritten.get(token.tokenId);
    return revokedAt === undefined ? token : { ...token, revokedAt };
  };
  const toToken = (row: TokenRow) => withPendingWrites(parseToken(row));
  const insert = (token: StoredToken) => {
    const { labels, commands, target, addresses } = token;
    const terms: Terms = {
      ...(labels === undefined ? {} : { labels }),
      ...(commands === undefined ? {} : { commands }),
      ...(target === undefined ? {} : { target }),
      ...(addresses === undefined ? {} : { addresses }),
    };
    add.run(
      token.tokenId,
      token.role,
      token.hash ?? null,
      token.publicKey ?? null,
      token.agentId ?? null,
      token.state,
      JSON.stringify(terms),
      token.expiresAt ?? null,
      token.usesLeft ?? null,
      token.counter ?? null,
      token.createdAt,
      token.createdBy,
    );
  };
  /** Recently used tokens; cleared by every write. */
  const known = new Map<string, StoredToken>();
  const tokenBy = (tokenId: string): StoredToken | undefined => {
    const cached = known.get(tokenId);
    if (cached !== undefined) return cached;
    const row = get.get(tokenId);
    if (row === undefined) return undefined;
    if (known.size >= knownMax) known.clear();
    const token = parseToken(row);
    known.set(tokenId, token);
    return token;
  };
  const writing = <T>(write: () => T): T => {
    try {
      return write();
    } finally {
      known.clear();
    }
  };
  return {
    get: (tokenId) => {
      const token = tokenBy(tokenId);
      return token === undefined ? undefined : withPendingWrites(token);
    },
    all: () => all.all().map(toToken),
    findByAgent: (agentId, now) => {
      const tokens = ofAgent.all(agentId, now).map(toToken);
      return tokens.filter(({ revokedAt }) => revokedAt === undefined);
    },
    withoutAgent: (now) => db.read(() => withoutAgent.all(now).map(toToken)),
    add: (token) => writing(() => db.transaction(() => insert(token))),
    revoke: (tokenId, at) => {
      if (get.get(tokenId) === undefined) return false;
      unwritten.set(tokenId, at);
      writing(() => revoke.run(at, tokenId));
      unwritten.delete(tokenId);
      return true;
    },
    unwritten,
    setState: (tokenId, state) => void writing(() => setState.run(state, tokenId)),
    advance: (tokenId, counter) => writing(() => advance.run(counter, tokenId, counter)) > 0,
    replaceHash: (tokenId, hash) => void writing(() => replaceHash.run(hash, tokenId)),
    join: (joinId, key, replaced) => {
      let isTaken = false;
      writing(() =>
        db.transaction(() => {
          isTaken = use.run(joinId) > 0;
          if (!isTaken) return;
          for (const tokenId of replaced) revoke.run(key.createdAt, tokenId);
          insert(key);
        }),
      );
      return isTaken;
    },
    rotateKey: (tokenId, key) =>
      writing(() =>
        db.transaction(() => {
          revoke.run(key.createdAt, tokenId);
          insert(key);
        }),
      ),
    nextExpiry: (now) => next.get(now)?.at ?? undefined,
    expiredBetween: (after, until) => expired.all(after, until).map(toToken),
  };
}

function parseToken(row: TokenRow): StoredToken {
  return {
    tokenId: row.token_id,
    role: row.role,
    state: row.state,
    ...(JSON.parse(row.terms) as Terms),
    ...(row.hash === null ? {} : { hash: row.hash }),
    ...(row.public_key === null ? {} : { publicKey: row.public_key }),
    ...(row.agent_id === null ? {} : { agentId: row.agent_id }),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.uses_left === null ? {} : { usesLeft: row.uses_left }),
    ...(row.counter === null ? {} : { counter: row.counter }),
    createdAt: row.created_at,
    createdBy: row.created_by,
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}
