/**
 * The audit trail: entries with the action, the actor, the resource and the outcome, each chained
 * to the one before by its hash. A changed or removed entry breaks the chain. Removed entries at
 * the end are detected only with a head that was stored elsewhere.
 */
import { hash } from "node:crypto";
import * as v from "valibot";
import { isJsonObject, type JsonObject } from "../json.ts";
import { Timestamp } from "../timestamp.ts";

const AuditDetails = v.object({
  /** `job.create`, `token.revoke`, `request.end`, …: a noun and a verb. */
  action: v.string(),
  /** `started`, `accepted`, `refused`, or the outcome of a request. */
  outcome: v.string(),
  /**
   * The id of the token or key, or `ISSUER#SUBJECT` of a console user; absent if authentication
   * failed.
   */
  actor: v.exactOptional(v.string()),
  /** The name of the token, or of the console user. */
  actor_name: v.exactOptional(v.string()),
  role: v.exactOptional(v.string()),
  /** Client IP address. */
  address: v.exactOptional(v.string()),
  /**
   * The resource that the action is about: ids of jobs, requests, tokens and agents, and the
   * command.
   */
  resource: v.exactOptional(v.custom<JsonObject>(isJsonObject)),
  code: v.exactOptional(v.string()),
});
export type AuditDetails = v.InferOutput<typeof AuditDetails>;

const AuditEntry = v.object({
  ...AuditDetails.entries,
  sequence: v.number(),
  /** ISO 8601. */
  at: Timestamp,
});
export type AuditEntry = v.InferOutput<typeof AuditEntry>;

export const ToolName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,63}$/));

/** `POST /api/v1/tool-calls/TOOL`: records that a language model calls a tool. */
export const ToolCall = v.object({ tool: ToolName });
export type ToolCall = v.InferOutput<typeof ToolCall>;

/** The hash before the first entry. */
export const firstHash = "0".repeat(64);

/**
 * The action of an entry that records pruning. Its `resource` contains `last_sequence`, the hash of
 * that entry, the number of `records` and the `reason`.
 */
export const pruneAction = "audit.prune";

/** Returns the SHA-256, in hexadecimal, over the previous hash and the stored text of the entry. */
export function appendToChain(previous: string, text: string): string {
  return hash("sha256", `${previous}\n${text}`, "hex");
}

/** An entry as it is stored and returned. */
const AuditLine = v.object({
  record: AuditEntry,
  hash: v.string(),
});
export type AuditLine = v.InferOutput<typeof AuditLine>;

/**
 * The end of a trail, as text `SEQUENCE:HASH`. Store it where an attacker who can change the trail
 * has no access.
 */
const AuditHead = v.object({
  sequence: v.number(),
  hash: v.string(),
});
export type AuditHead = v.InferOutput<typeof AuditHead>;

/** `GET /api/v1/audit`: one page of the trail, oldest first, with its head. */
export const AuditPage = v.object({
  items: v.array(AuditLine),
  head: AuditHead,
  /** The last entry that was read, which need not match the filters; the next page follows it. */
  through: v.number(),
});
export type AuditPage = v.InferOutput<typeof AuditPage>;

export const VerifyResult = v.variant("intact", [
  v.object({
    intact: v.literal(true),
    head: AuditHead,
    /** The last pruned entry; absent if nothing was pruned. */
    start: v.exactOptional(AuditHead),
    /** The given head is older than the stored entries, so that it cannot be compared. */
    anchor_too_old: v.exactOptional(v.literal(true)),
  }),
  v.object({ intact: v.literal(false), sequence: v.number(), reason: v.string() }),
]);
export type VerifyResult = v.InferOutput<typeof VerifyResult>;

/** Verifies a chain entry by entry, from its start. */
export class ChainCheck {
  readonly #anchor: AuditHead | undefined;
  readonly #start: AuditHead;
  #previous: string;
  #sequence: number;
  #fault: { sequence: number; reason: string } | undefined;
  /** Whether an entry records the pruning of everything before the start. */
  #isStartDeclared: boolean;

  /**
   * @param anchor A head that was stored before and must be in the chain.
   * @param start The last pruned entry; an entry of the chain must record the pruning.
   */
  constructor(anchor?: AuditHead, start: AuditHead = { sequence: 0, hash: firstHash }) {
    this.#anchor = anchor;
    this.#start = start;
    this.#previous = start.hash;
    this.#sequence = start.sequence;
    this.#isStartDeclared = start.sequence === 0 && start.hash === firstHash;
  }

  take(sequence: number, text: string, hash: string): void {
    if (this.#fault !== undefined) return;
    const expected = this.#sequence + 1;
    if (sequence !== expected) return this.#broken(expected, "this entry is missing");
    if (appendToChain(this.#previous, text) !== hash) {
      return this.#broken(sequence, "this entry or the one before it was changed");
    }
    const anchor = this.#anchor;
    if (anchor?.sequence === sequence && anchor.hash !== hash) {
      return this.#broken(sequence, "the trail up to here does not match the given head");
    }
    this.#previous = hash;
    this.#sequence = sequence;
    this.#isStartDeclared ||= this.#isPruneEntry(text);
  }

  verdict(): VerifyResult {
    if (this.#fault !== undefined) return { intact: false, ...this.#fault };
    const anchor = this.#anchor;
    const start = this.#start;
    if (!this.#isStartDeclared) {
      const reason = "earlier entries are missing, and no entry records that they were pruned";
      return { intact: false, sequence: start.sequence + 1, reason };
    }
    if (anchor !== undefined && anchor.sequence > this.#sequence) {
      const reason = `entries up to ${anchor.sequence} of the given head are missing at the end`;
      return { intact: false, sequence: this.#sequence + 1, reason };
    }
    if (anchor !== undefined && anchor.sequence === start.sequence && anchor.hash !== start.hash) {
      const reason = "the pruned part of the trail does not match the given head";
      return { intact: false, sequence: start.sequence + 1, reason };
    }
    return {
      intact: true,
      head: { sequence: this.#sequence, hash: this.#previous },
      ...(start.sequence === 0 ? {} : { start }),
      ...(anchor !== undefined && anchor.sequence < start.sequence ? { anchor_too_old: true } : {}),
    };
  }

  /** During pruning, more entries may still exist than the chain requires. */
  #isPruneEntry(text: string): boolean {
    if (!text.includes(pruneAction)) return false;
    const { action, resource } = JSON.parse(text) as AuditEntry;
    const isPrune = action === pruneAction && typeof resource?.last_sequence === "number";
    const through = isPrune ? Number(resource.last_sequence) : -1;
    const { sequence, hash } = this.#start;
    return through > sequence || (through === sequence && resource?.hash === hash);
  }

  #broken(sequence: number, reason: string): void {
    this.#fault = { sequence, reason };
  }
}

/** Parses `SEQUENCE:HASH`; undefined if the text is invalid. */
export function parseAuditHead(text: string): AuditHead | undefined {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  return sequence === undefined || hash === undefined
    ? undefined
    : { sequence: Number(sequence), hash };
}
