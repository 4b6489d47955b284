/**
 * State that the browser stores but can neither read nor change: an encrypted JWT (RFC 7516) under
 * a key of this process. A login that is never finished takes no memory.
 */
import { randomBytes } from "node:crypto";
import { EncryptJWT, jwtDecrypt } from "jose";
import type { JsonObject } from "../../../protocol/json.ts";

const encryption = { alg: "dir", enc: "A256GCM" };

export class SealedState {
  readonly #key = randomBytes(32);

  seal(value: JsonObject): Promise<string> {
    return new EncryptJWT(value).setProtectedHeader(encryption).encrypt(this.#key);
  }

  /** Returns undefined for text that this process did not seal. */
  async open(sealed: string): Promise<JsonObject | undefined> {
    try {
      const terms = {
        keyManagementAlgorithms: [encryption.alg],
        contentEncryptionAlgorithms: [encryption.enc],
      };
      const { payload } = await jwtDecrypt(sealed, this.#key, terms);
      return payload as JsonObject;
    } catch {
      return undefined;
    }
  }
}
