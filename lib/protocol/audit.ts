/**
 * The audit trail: what was asked, by whom, of whom, and what came of it, each record chained to
 * the one before by its hash. A record that is changed or taken out breaks the chain; that the end
 * was cut off is seen by whoever has kept the head elsewhere.
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "./json.ts";

export interface AuditFacts {
  /** `job.create`, `token.revoke`, `request.end`, …: a noun and what happens to it. */
  action: string;
  /** `begun`, `accepted`, `refused`, or the outcome of a request. */
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
  on?: JsonObject;
  code?: string;
}

export interface AuditRecord extends AuditFacts {
  sequence: number;
  /** ISO 8601. */
  at: string;
}

/** What a chain begins with. */
export const firstHash = "0".repeat(64);

/** SHA-256, in hexadecimal, over the hash before and the record's text as it is kept. */
export function chained(previous: string, text: string): string {
  return createHash("sha256").update(previous).update("\n").update(text).digest("hex");
}

/** A record as it is kept and handed out. */
export interface AuditLine {
  record: AuditRecord;
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

export type Verdict =
  | { isWhole: true; head: AuditHead }
  | { isWhole: false; sequence: number; reason: string };

/** Follows a chain record by record, from its beginning. */
export class ChainCheck {
  #previous = firstHash;
  #sequence = 0;
  #fault: { sequence: number; reason: string } | undefined;
  readonly #anchor: AuditHead | undefined;

  /** `anchor`: a head that was kept before, which must be in the chain. */
  constructor(anchor?: AuditHead) {
    this.#anchor = anchor;
  }

  take(sequence: number, text: string, hash: string): void {
    if (this.#fault !== undefined) return;
    const expected = this.#sequence + 1;
    if (sequence !== expected) return this.#broken(expected, "this record is missing");
    if (chained(this.#previous, text) !== hash) {
      return this.#broken(sequence, "this record, or the one before it, was changed");
    }
    const anchor = this.#anchor;
    if (anchor?.sequence === sequence && anchor.hash !== hash) {
      return this.#broken(sequence, "the trail up to here is not the one whose head was kept");
    }
    this.#previous = hash;
    this.#sequence = sequence;
  }

  verdict(): Verdict {
    if (this.#fault !== undefined) return { isWhole: false, ...this.#fault };
    const anchor = this.#anchor;
    if (anchor !== undefined && anchor.sequence > this.#sequence) {
      const reason = `records up to ${anchor.sequence}, whose head was kept, are missing at the end`;
      return { isWhole: false, sequence: this.#sequence + 1, reason };
    }
    return { isWhole: true, head: { sequence: this.#sequence, hash: this.#previous } };
  }

  #broken(sequence: number, reason: string): void {
    this.#fault = { sequence, reason };
  }
}

/** `SEQUENCE:HASH`; undefined where it is not. */
export function readHead(text: string): AuditHead | undefined {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  return sequence === undefined || hash === undefined
    ? undefined
    : { sequence: Number(sequence), hash };
}
