/**
 * What a browser keeps for us and can neither read nor change: encrypted under a key of this
 * process, so that whoever begins a login and never comes back costs no memory.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../../protocol/json.ts";

const cipher = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;

export class Seal {
  readonly #key = randomBytes(32);

  close(value: JsonObject): string {
    const iv = randomBytes(ivBytes);
    const sealing = createCipheriv(cipher, this.#key, iv);
    const body = Buffer.concat([sealing.update(JSON.stringify(value)), sealing.final()]);
    return Buffer.concat([iv, sealing.getAuthTag(), body]).toString("base64url");
  }

  /** Undefined for what was not sealed by this process. */
  open(sealed: string): JsonObject | undefined {
    const bytes = Buffer.from(sealed, "base64url");
    if (bytes.length <= ivBytes + tagBytes) return undefined;
    try {
      const opening = createDecipheriv(cipher, this.#key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      });
      opening.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
      const body = opening.update(bytes.subarray(ivBytes + tagBytes));
      const value = JSON.parse(Buffer.concat([body, opening.final()]).toString());
      return isJsonObject(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }
}
