/**
 * An agent's identity: its key, the control plane that it joined, and its connection count. The
 * count only grows, and is stored before it is used. So the control plane detects a copy of the
 * identity that connects as well.
 */

import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { writeFileAtomically } from "../../files/atomicWrite.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";
import { generateKey, type NewKey, type PrivateKey, readPrivateKey } from "../../protocol/keys.ts";
import { formatKeyId, type ProofPurpose, proofHeader } from "../../protocol/wire/keyProof.ts";

const Stored = v.object({
  url: v.string(),
  /** PEM text of the authority that issued the control plane's certificate. */
  ca: v.optional(v.string()),
  control_id: v.string(),
  agent_id: v.string(),
  key_id: v.string(),
  /** PKCS#8 (RFC 5958), PEM. */
  private_key: v.string(),
  counter: v.number(),
  /** The id of the join token that was used. */
  join_token_id: v.string(),
  /** When the key was created, in milliseconds since 1970. */
  key_created_at: v.number(),
  /** A new key that was sent to the control plane, while no response has arrived. */
  next_key: v.optional(v.string()),
});
export type StoredIdentity = v.InferOutput<typeof Stored>;

export class AgentIdentity {
  readonly #path: string;
  #stored: StoredIdentity;
  #key: PrivateKey;
  #triedUrl: string | undefined;

  private constructor(path: string, stored: StoredIdentity) {
    this.#path = path;
    this.#stored = stored;
    this.#key = readPrivateKey(stored.private_key);
  }

  /**
   * Reads the identity. Returns undefined if this agent has not joined.
   * @throws {WsctlError} USAGE if the file is damaged.
   */
  static read(path: string): AgentIdentity | undefined {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw damaged(path, error);
    }
    try {
      return new AgentIdentity(path, v.parse(Stored, JSON.parse(text)));
    } catch (error) {
      throw damaged(path, error);
    }
  }

  static create(path: string, stored: StoredIdentity): AgentIdentity {
    const identity = new AgentIdentity(path, stored);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    identity.#save();
    return identity;
  }

  get stored(): Readonly<StoredIdentity> {
    return this.#stored;
  }

  /** The address of the control plane, which is the stored one unless another is tried. */
  get url(): string {
    return this.#triedUrl ?? this.#stored.url;
  }

  /** Uses another address, which is not stored. */
  tryAddress(url: string): void {
    this.#triedUrl = url;
  }

  get path(): string {
    return this.#path;
  }

  /** Creates the next key. It is stored when this returns. */
  prepareNext(): NewKey {
    const next = generateKey();
    this.update({ next_key: next.pem });
    return next;
  }

  /**
   * Swaps the current key and the next key. Returns false if there is no next key. The count
   * continues.
   */
  tryOther(): boolean {
    const { next_key: next, private_key: other } = this.#stored;
    if (next === undefined) return false;
    const key_id = formatKeyId(readPrivateKey(next).publicKey);
    this.update({ private_key: next, next_key: other, key_id });
    return true;
  }

  /** Deletes the next key, because the control plane has accepted the current key. */
  confirmed(): void {
    if (this.#stored.next_key === undefined) return;
    const { next_key: _, ...rest } = this.#stored;
    this.#stored = rest;
    this.#save();
  }

  /**
   * Returns the `Authorization` header of one call, or of a connection. A connection increases the
   * stored count.
   */
  prove(nonce: string, purpose: ProofPurpose): string {
    if (purpose === "connect") this.update({ counter: this.#stored.counter + 1 });
    const { control_id: controlId, key_id: keyId, counter } = this.#stored;
    return proofHeader(this.#key, { controlId, purpose, keyId, nonce, counter });
  }

  /** The changes are on disk when this returns. */
  update(changed: Partial<StoredIdentity>): void {
    this.#stored = { ...this.#stored, ...changed };
    this.#key = readPrivateKey(this.#stored.private_key);
    this.#save();
  }

  #save(): void {
    writeFileAtomically(this.#path, `${JSON.stringify(this.#stored, null, 2)}\n`);
  }
}

function damaged(path: string, error: unknown): WsctlError {
  const text = `Cannot read this agent's identity "${path}": ${errorText(error)}`;
  return new WsctlError("USAGE", `${text}. Delete the file and join again`, { cause: error });
}
