/**
 * Proof that an agent holds its private key: the agent signs a nonce of the control plane that is
 * valid once and for a minute. The signed text names the control plane and the purpose, so that the
 * proof cannot be used elsewhere.
 *
 * `Authorization: Wsctl1 key=ID,nonce=NONCE,counter=N,signature=BASE64URL`
 */
import * as v from "valibot";
import type { PrivateKey, PublicKey } from "../keys.ts";
import { Timestamp } from "../timestamp.ts";

/** `connect`: the WebSocket. `call`: one API request. */
export type ProofPurpose = "connect" | "call";

/** `GET /agent/challenge`. */
export const Challenge = v.object({
  nonce: v.string(),
  control_id: v.string(),
  /** ISO 8601, on the control plane's clock. */
  time: Timestamp,
});
export type Challenge = v.InferOutput<typeof Challenge>;

/** `POST /agent/join`, with a join token: registers the agent's key. */
export const Joined = v.object({
  token_id: v.string(),
  agent_id: v.string(),
  control_id: v.string(),
  /** Whether an administrator must approve it. */
  pending: v.boolean(),
});
export type Joined = v.InferOutput<typeof Joined>;

export interface Proof {
  key: string;
  nonce: string;
  /** For connections: greater than at every earlier connection. */
  counter: number;
  signature: string;
}

export const proofScheme = "Wsctl1";
const shape =
  /^Wsctl1 key=([0-9a-f]{12}),nonce=([\w-]{1,128}),counter=(\d{1,15}),signature=([\w-]{86})$/;

export interface ProofSubject {
  controlId: string;
  purpose: ProofPurpose;
  keyId: string;
  nonce: string;
  counter: number;
}

export function proofHeader(key: PrivateKey, subject: ProofSubject): string {
  const signature = Buffer.from(key.sign(buildSignedText(subject))).toString("base64url");
  const { keyId, nonce, counter } = subject;
  return `${proofScheme} key=${keyId},nonce=${nonce},counter=${counter},signature=${signature}`;
}

/** Parses an `Authorization` header; undefined if it is not a key proof. */
export function parseProof(authorization: string): Proof | undefined {
  const [, key, nonce, counter, signature] = shape.exec(authorization) ?? [];
  if (key === undefined || nonce === undefined || signature === undefined) return undefined;
  return { key, nonce, counter: Number(counter), signature };
}

export function isProofValid(key: PublicKey, subject: ProofSubject, signature: string): boolean {
  return key.verifies(buildSignedText(subject), Buffer.from(signature, "base64url"));
}

/** Returns the id of a key: a part of its hash, so that both sides can compute it. */
export function formatKeyId({ id }: PublicKey): string {
  return id.slice(0, 12);
}

/** Returns the text that proves possession of a new key. */
export function buildJoinText(
  controlToken: string,
  agentId: string,
  publicKey: string,
): Uint8Array {
  return Buffer.from(["wsctl join", controlToken, agentId, publicKey].join("\n"));
}

function buildSignedText({ controlId, purpose, keyId, nonce, counter }: ProofSubject): Uint8Array {
  const lines = ["wsctl agent", controlId, purpose, keyId, nonce, String(counter)];
  return Buffer.from(lines.join("\n"));
}
