/**
 * How an agent proves that it holds its key, without showing it: it signs a nonce of the control
 * plane's, which is good once and for a minute. What is signed names the control plane and what
 * the proof is for, so that it opens nothing else.
 *
 * `Authorization: Wsctl1 key=ID,nonce=NONCE,counter=N,signature=BASE64URL`
 */
import type { PrivateKey, PublicKey } from "../keys.ts";

/** `connect`: the WebSocket; `call`: one call of the API. */
export type ProofPurpose = "connect" | "call";

/** `GET /agent/challenge`. */
export interface Challenge {
  nonce: string;
  control_id: string;
  /** ISO 8601, of the control plane. */
  time: string;
}

/** `POST /agent/join`, with a join token: this key is that agent's from now on. */
export interface Joined {
  token_id: string;
  agent_id: string;
  control_id: string;
  /** Whether an operator has yet to approve it. */
  pending: boolean;
}

export interface Proof {
  key: string;
  nonce: string;
  /** Of connections: greater than at every connection before. */
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

/** What an `Authorization` header says; undefined where it is no proof. */
export function parseProof(authorization: string): Proof | undefined {
  const [, key, nonce, counter, signature] = shape.exec(authorization) ?? [];
  if (key === undefined || nonce === undefined || signature === undefined) return undefined;
  return { key, nonce, counter: Number(counter), signature };
}

export function isProofValid(key: PublicKey, subject: ProofSubject, signature: string): boolean {
  return key.verifies(buildSignedText(subject), Buffer.from(signature, "base64url"));
}

/** The id under which a key is known: part of its hash, so that both sides can tell it. */
export function formatKeyId({ id }: PublicKey): string {
  return id.slice(0, 12);
}

/** The proof of a new key that whoever asks to have it made known really holds it. */
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
