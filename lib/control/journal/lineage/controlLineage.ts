/**
 * Recognises a control plane that is older than its agents know it: one whose backup was restored
 * elsewhere, or whose files were replaced by older ones. Each `welcome` has a signed text that says
 * how far the control plane is, and each `hello` returns the latest one of the agent. An agent
 * cannot sign such a text, so that it cannot make a control plane believe that it is an old one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { ControlJournal } from "../journal.ts";

export type Lineage =
  /** It is of this control plane, and not from its future. */
  | { kind: "known" }
  /** It is of another control plane, or was not signed by one. */
  | { kind: "foreign" }
  /** A control plane that was restored then has taken over. */
  | { kind: "superseded"; restoredAt: number }
  /** This control plane had entries up to this sequence, and has lost them. */
  | { kind: "set_back"; sequence: number };

const format = /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.([\w-]{43})$/;

export class ControlLineage {
  readonly #journal: ControlJournal;
  readonly #key: Buffer;
  readonly #restoredAt: number;

  constructor(journal: ControlJournal) {
    this.#journal = journal;
    const { key, restoredAt } = journal.lineage.get();
    this.#key = Buffer.from(key, "hex");
    this.#restoredAt = restoredAt;
  }

  /** Returns the text for a `welcome`. */
  issue(): string {
    const [restoredAt, sequence] = [`${this.#restoredAt}`, `${this.#sequence}`];
    return `${restoredAt}.${sequence}.${this.#sign(restoredAt, sequence).toString("base64url")}`;
  }

  /** Judges the text of a `hello`. */
  judge(text: string): Lineage {
    const [, restoredAt = "", sequence = "", signature = ""] = format.exec(text) ?? [];
    const given = Buffer.from(signature, "base64url");
    const own = this.#sign(restoredAt, sequence);
    if (given.length !== own.length || !timingSafeEqual(given, own)) return { kind: "foreign" };
    if (Number(restoredAt) > this.#restoredAt) {
      return { kind: "superseded", restoredAt: Number(restoredAt) };
    }
    const isOlder = Number(restoredAt) < this.#restoredAt || Number(sequence) <= this.#sequence;
    return isOlder ? { kind: "known" } : { kind: "set_back", sequence: Number(sequence) };
  }

  get #sequence(): number {
    return this.#journal.recorder.log.sequence;
  }

  #sign(restoredAt: string, sequence: string): Buffer {
    const text = `wsctl lineage\n${restoredAt}\n${sequence}`;
    return createHmac("sha256", this.#key).update(text).digest();
  }
}
