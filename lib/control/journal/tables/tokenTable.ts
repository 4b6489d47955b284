/** Tokens in the control plane's journal. */
import type { PersonToken, Role } from "../../../protocol/api/tokens.ts";
import type { Labels } from "../../../protocol/labels.ts";
import type { Database } from "../../../store/sqlite.ts";
import type { IndexReads } from "../index/currentIndex.ts";
import { prefixRange } from "../prefixRange.ts";

export interface StoredToken {
  tokenId: string;
  role: Role;
  /** The person or the program that it is for. */
  name?: string;
  /** The OIDC user who logged in for it, as `ISSUER#SUBJECT`. One person may have several tokens. */
  person?: string;
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
  /** What a login token is exchanged for. */
  login?: PersonToken;
  /** The only template that it may start. */
  template?: string;
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

/** Why an agent may not connect; it is revoked without a valid token. */
type BlockReason = Exclude<StoredToken["state"], "active"> | "revoked";

/** The hash of the secret is in base64. */
export type TokenEntry = Omit<StoredToken, "hash"> & { hash?: string };

/** The fact that a token is as it says from now on. */
export interface TokenFact {
  type: "token_stored";
  token: TokenEntry;
}

const restrictions = ["labels", "commands", "target", "template", "addresses"] as const;
/** They are stored together as JSON, because nothing selects by them. */
const termNames = ["name", "person", "login", ...restrictions] as const;
type Terms = Pick<StoredToken, (typeof termNames)[number]>;

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
  /** Returns up to `limit` ids that begin with the prefix. */
  idsFrom(prefix: string, limit: number): string[];
  /** Returns the valid tokens of this agent. */
  findByAgent(agentId: string, now: number): StoredToken[];
  /** Returns those of these agents that may not connect, with the reason. */
  blocked(agentIds: readonly string[], now: number): Map<string, BlockReason>;
  /** Returns how many keys and tokens of agents are pending or fenced. */
  countBlocked(): Map<BlockReason, number>;
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

/** @param record makes facts durable, and writes them into the index, before it returns */
export function createTokenTable(
  db: IndexReads,
  record: (...facts: TokenFact[]) => void,
): TokenTable {
  const get = db.prepare<[string], TokenRow>("SELECT * FROM tokens WHERE token_id = ?");
  const all = db.prepare<[], TokenRow>("SELECT * FROM tokens ORDER BY created_at, token_id");
  const idsFrom = db.prepare<[string, string, number], { token_id: string }>(
    "SELECT token_id FROM tokens WHERE token_id >= ? AND token_id < ? ORDER BY token_id LIMIT ?",
  );
  const ofAgent = db.prepare<[string, number], TokenRow>(
    `SELECT * FROM tokens WHERE agent_id = ? AND role = 'agent' AND revoked_at IS NULL
       AND coalesce(expires_at, 1e300) > ?`,
  );
  const statesOf = db.prepare<[string, number], Pick<TokenRow, "token_id" | "agent_id" | "state">>(
    `SELECT token_id, agent_id, state FROM tokens WHERE role = 'agent' AND revoked_at IS NULL
       AND agent_id IN (SELECT value FROM json_each(?)) AND coalesce(expires_at, 1e300) > ?`,
  );
  const countsByState = db.prepare<[], { state: StoredToken["state"]; count: number }>(
    `SELECT state, count(*) AS count FROM tokens INDEXED BY tokens_not_active
       WHERE role = 'agent' AND state <> 'active' AND revoked_at IS NULL GROUP BY state`,
  );
  const withoutAgent = db.prepare<[number], TokenRow>(
    `SELECT * FROM tokens WHERE role = 'agent' AND revoked_at IS NULL
       AND coalesce(expires_at, 1e300) > ? AND agent_id NOT IN (SELECT agent_id FROM agents)
       ORDER BY created_at, token_id`,
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
  /** Records tokens as they are from now on, in one batch. */
  const store = (...tokens: StoredToken[]) => {
    try {
      record(
        ...tokens.map((token) => ({ type: "token_stored" as const, token: toTokenEntry(token) })),
      );
    } finally {
      known.clear();
    }
  };
  const revoked = (tokenId: string, at: number): StoredToken[] => {
    const token = tokenBy(tokenId);
    return token === undefined ? [] : [{ ...token, revokedAt: token.revokedAt ?? at }];
  };
  const change = (tokenId: string, more: Partial<StoredToken>) => {
    const token = tokenBy(tokenId);
    if (token !== undefined) store({ ...token, ...more });
  };
  return {
    get: (tokenId) => {
      const token = tokenBy(tokenId);
      return token === undefined ? undefined : withPendingWrites(token);
    },
    all: () => all.all().map(toToken),
    idsFrom: (prefix, limit) =>
      idsFrom.all(...prefixRange(prefix), limit).map((row) => row.token_id),
    findByAgent: (agentId, now) => {
      const tokens = ofAgent.all(agentId, now).map(toToken);
      return tokens.filter(({ revokedAt }) => revokedAt === undefined);
    },
    blocked: (agentIds, now) => {
      const found = new Map<string, BlockReason>(agentIds.map((id) => [id, "revoked"]));
      if (agentIds.length === 0) return found;
      for (const { token_id, agent_id, state } of statesOf.all(JSON.stringify(agentIds), now)) {
        // An agent is not blocked if one of its tokens is active.
        if (agent_id === null || unwritten.has(token_id) || !found.has(agent_id)) continue;
        if (state === "active") found.delete(agent_id);
        else found.set(agent_id, state);
      }
      return found;
    },
    countBlocked: () => {
      const counts = new Map<BlockReason, number>();
      for (const state of ["pending", "fenced"] as const) counts.set(state, 0);
      for (const { state, count } of countsByState.all()) {
        if (state !== "active") counts.set(state, count);
      }
      return counts;
    },
    withoutAgent: (now) => db.read(() => withoutAgent.all(now).map(toToken)),
    add: (token) => store(token),
    revoke: (tokenId, at) => {
      const [token] = revoked(tokenId, at);
      if (token === undefined) return false;
      unwritten.set(tokenId, at);
      store(token);
      unwritten.delete(tokenId);
      return true;
    },
    unwritten,
    setState: (tokenId, state) => change(tokenId, { state }),
    advance: (tokenId, counter) => {
      const token = tokenBy(tokenId);
      if (token === undefined || (token.counter ?? 0) >= counter) return false;
      store({ ...token, counter });
      return true;
    },
    replaceHash: (tokenId, hash) => change(tokenId, { hash }),
    join: (joinId, key, replaced) => {
      const join = tokenBy(joinId);
      const { usesLeft = 0 } = join ?? {};
      if (join === undefined || usesLeft <= 0 || join.revokedAt !== undefined) return false;
      const earlier = replaced.flatMap((tokenId) => revoked(tokenId, key.createdAt));
      store({ ...join, usesLeft: usesLeft - 1 }, ...earlier, key);
      return true;
    },
    rotateKey: (tokenId, key) => store(...revoked(tokenId, key.createdAt), key),
    nextExpiry: (now) => next.get(now)?.at ?? undefined,
    expiredBetween: (after, until) => expired.all(after, until).map(toToken),
  };
}

/** Writes tokens into the index. */
export function tokenWriter(db: Database): (token: TokenEntry) => void {
  const store = db.prepare(
    `INSERT INTO tokens (token_id, role, hash, public_key, agent_id, state, terms, expires_at,
       uses_left, counter, created_at, created_by, revoked_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (token_id) DO UPDATE SET hash = excluded.hash, state = excluded.state,
         uses_left = excluded.uses_left, counter = excluded.counter,
         expires_at = excluded.expires_at, revoked_at = excluded.revoked_at`,
  );
  return (token) => {
    const terms = termNames.filter((name) => token[name] !== undefined);
    store.run(
      token.tokenId,
      token.role,
      token.hash === undefined ? null : Buffer.from(token.hash, "base64"),
      token.publicKey ?? null,
      token.agentId ?? null,
      token.state,
      JSON.stringify(Object.fromEntries(terms.map((name) => [name, token[name]]))),
      token.expiresAt ?? null,
      token.usesLeft ?? null,
      token.counter ?? null,
      token.createdAt,
      token.createdBy,
      token.revokedAt ?? null,
    );
  };
}

/** The hash of the secret is in base64. */
export function toTokenEntry({ hash, ...token }: StoredToken): TokenEntry {
  return hash === undefined ? token : { ...token, hash: Buffer.from(hash).toString("base64") };
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
