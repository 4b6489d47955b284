/**
 * Commands that operators sign end to end. The signature covers the agent, the request and the time
 * after which it must not start, so that the control plane can neither create, change, redirect nor
 * replay a command.
 */
import * as v from "valibot";
import type { JsonObject } from "../json.ts";
import type { PublicKey } from "../keys.ts";

export const signaturesMax = 16;

export const CommandSignature = v.object({
  /** Id of the key: 16 hexadecimal digits. */
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, "must be 16 hexadecimal digits")),
  /** 64 bytes, base64url. */
  signature: v.pipe(v.string(), v.regex(/^[\w-]{86}$/, "must be 64 bytes in base64url")),
});
export type CommandSignature = v.InferOutput<typeof CommandSignature>;

export const CommandSignatures = v.pipe(
  v.array(CommandSignature),
  v.maxLength(signaturesMax, `must be at most ${signaturesMax}`),
);

export interface SignedSubject {
  agent: string;
  request_id: string;
  command: string;
  parameters: JsonObject;
  /** ISO 8601 in UTC. */
  not_after: string;
}

/**
 * Returns the bytes to sign: a prefix with the purpose, and the subject in canonical JSON (RFC
 * 8785).
 */
export function signedBytes(subject: SignedSubject): Uint8Array {
  const { agent, request_id, command, parameters, not_after } = subject;
  const exact = { agent, request_id, command, parameters, not_after };
  return Buffer.from(`wsctl command\n${canonicalJson(exact)}`);
}

/** Returns the distinct ids of these keys that have signed the bytes. */
export function findSigners(
  bytes: Uint8Array,
  signatures: readonly CommandSignature[],
  keys: readonly PublicKey[],
): string[] {
  const found = keys.filter((key) =>
    signatures.some(({ key: id, signature }) => {
      return id === key.id && key.verifies(bytes, Buffer.from(signature, "base64url"));
    }),
  );
  return [...new Set(found.map(({ id }) => id))];
}

/** Canonical JSON (RFC 8785): keys sorted by UTF-16 code units, no spaces. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(",")}}`;
}
