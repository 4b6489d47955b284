/**
 * The audit trail: what was asked, by whom, of whom, and what came of it, each record chained to
 * the one before by its hash. A record that is changed or taken out breaks the chain; that the end
 * was cut off is seen by whoever has kept the head elsewhere.
 */
import { hash } from "node:crypto";
import type { JsonObject } from "../json.ts";

export interface AuditDetails {
  /** `job.create`, `token.revoke`, `request.end`, …: a noun and what happens to it. */
  action: string;
  /** `started`, `accepted`, `refused`, or the outcome of a request. */
  outcome: string;
  /**
   * The id of the token or key that asked, or of a person at the console, `ISSUER#SUBJECT`; absent
   * where nobody was let in.
   */
  actor?: string;
  role?: string;
  /** From where. */
  address?: string;
  /** What it was about: ids of jobs, requests, tokens, agents, the command. */
  resource?: JsonObject;
  code?: string;
}

export interface AuditEntry extends AuditDetails {
  sequence: number;
  /** ISO 8601. */
  at: string;
}

/** What a chain begins with. */
export const firstHash = "0".repeat(64);

/**
 * What a record is called by which older ones were let go: `resource` has up to where (`last_sequence`), the
 * hash of the last of them, how many there were (`records`) and the `reason`.
 */
export const pruneAction = "audit.prune";

/** SHA-256, in hexadecimal, over the hash before and the record's text as it is kept. */
export function appendToChain(previous: string, text: string): string {
  return hash("sha256", `${previous}\n${text}`, "hex");
}

/** A record as it is kept and handed out. */
export interface AuditLine {
  record: AuditEntry;
  hash: string;
}

/** The end of a trail, `SEQUENCE:HASH` as text: to be kept where whoever could change the trail cannot reach. */
export interface AuditHead {
  sequence: number;
  hash: string;
}

/** `GET /api/v1/audit`: one page of the trail, the oldest first, with its head. */
export interface AuditPage {
  items: AuditLine[];
  head: AuditHead;
}

export type VerifyResult =
  | {
      intact: true;
      head: AuditHead;
      /** The last record that was let go; absent where the trail begins with its first. */
      start?: AuditHead;
      /** The head that was to be compared is older than what is kept: nothing is known of it. */
      anchor_too_old?: true;
    }
  | { intact: false; sequence: number; reason: string };

/** Follows a chain record by record, from its beginning. */
export class ChainCheck {
  readonly #anchor: AuditHead | undefined;
  readonly #start: AuditHead;
  #previous: string;
  #sequence: number;
  #fault: { sequence: number; reason: string } | undefined;
  /** A record says that what is missing before the beginning was let go. */
  #isStartDeclared: boolean;

  /**
   * `anchor`: a head that was kept before, which must be in the chain. `start`: up to where the
   * chain was let go; that it was must be said by the chain itself.
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
    if (sequence !== expected) return this.#broken(expected, "this record is missing");
    if (appendToChain(this.#previous, text) !== hash) {
      return this.#broken(sequence, "this record, or the one before it, was changed");
    }
    const anchor = this.#anchor;
    if (anchor?.sequence === sequence && anchor.hash !== hash) {
      return this.#broken(sequence, "the trail up to here is not the one whose head was kept");
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
      const reason = "those before this one are gone, and no record says that they were let go";
      return { intact: false, sequence: start.sequence + 1, reason };
    }
    if (anchor !== undefined && anchor.sequence > this.#sequence) {
      const reason = `records up to ${anchor.sequence}, whose head was kept, are missing at the end`;
      return { intact: false, sequence: this.#sequence + 1, reason };
    }
    if (anchor !== undefined && anchor.sequence === start.sequence && anchor.hash !== start.hash) {
      const reason = "the trail that was let go before it is not the one whose head was kept";
      return { intact: false, sequence: start.sequence + 1, reason };
    }
    return {
      intact: true,
      head: { sequence: this.#sequence, hash: this.#previous },
      ...(start.sequence === 0 ? {} : { start }),
      ...(anchor !== undefined && anchor.sequence < start.sequence ? { anchor_too_old: true } : {}),
    };
  }

  /** While records go one after the other, more of them may be there than the chain says. */
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

/** `SEQUENCE:HASH`; undefined where it is not. */
export function parseAuditHead(text: string): AuditHead | undefined {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  return sequence === undefined || hash === undefined
    ? undefined
    : { sequence: Number(sequence), hash };
}
