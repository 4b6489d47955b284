/**
 * Commands that an operator has signed, end to end: what is signed names the one agent, the one
 * request and the moment after which it must not start, so that whoever stands in between can
 * neither make, change, redirect nor keep a command.
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

/** The bytes that are signed: the subject in canonical JSON, behind what they are for. */
export function signedBytes(subject: SignedSubject): Uint8Array {
  const { agent, request_id, command, parameters, not_after } = subject;
  const exact = { agent, request_id, command, parameters, not_after };
  return Buffer.from(`wsctl command\n${canonicalJson(exact)}`);
}

/** The ids of these keys that have signed the subject, each once. */
export function findSigners(
  subject: SignedSubject,
  signatures: readonly CommandSignature[],
  keys: readonly PublicKey[],
): string[] {
  const bytes = signedBytes(subject);
  const found = keys.filter((key) =>
    signatures.some(({ key: id, signature }) => {
      return id === key.id && key.verifies(bytes, Buffer.from(signature, "base64url"));
    }),
  );
  return [...new Set(found.map(({ id }) => id))];
}

/** JSON in one form only: keys in the order of their UTF-16 units, no spaces (RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(",")}}`;
}
