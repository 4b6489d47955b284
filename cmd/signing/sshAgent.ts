/**
 * The Ed25519 keys of an ssh-agent. Its signatures are the same as those of a key file, and the
 * private key stays in the ssh-agent. Source: the SSH agent protocol (RFC draft, messages 11 to
 * 14), over the Unix socket of `SSH_AUTH_SOCK`.
 */
import { connect } from "node:net";
import { type PublicKey, parsePublicKey } from "../../lib/protocol/keys.ts";
import { usage } from "../cli/strictArgs.ts";
import type { Signer } from "./signer.ts";

const requestIdentities = 11;
const identitiesAnswer = 12;
const signRequest = 13;
const signResponse = 14;
const algorithm = "ssh-ed25519";
const answerBytesMax = 256 * 1024;
const waitMs = 60_000;

export interface SshKey extends Signer {
  comment: string;
}

/** @throws {WsctlError} USAGE */
export async function sshKeys(): Promise<SshKey[]> {
  const answer = new Reader(await ask(Buffer.from([requestIdentities])));
  if (answer.byte() !== identitiesAnswer) throw usage("ssh-agent did not list its keys");
  const keys: SshKey[] = [];
  for (let left = answer.number(); left > 0; left--) {
    const blob = answer.text();
    const comment = answer.text().toString();
    const publicKey = keyIn(blob);
    if (publicKey === undefined) continue;
    keys.push({ comment, publicKey, sign: (message) => signature(blob, message) });
  }
  return keys;
}

async function signature(blob: Buffer, message: Uint8Array): Promise<Uint8Array> {
  const flags = Buffer.alloc(4);
  const request = [Buffer.from([signRequest]), framed(blob), framed(message), flags];
  const answer = new Reader(await ask(Buffer.concat(request)));
  if (answer.byte() !== signResponse) throw usage("ssh-agent refused to sign");
  const signed = new Reader(answer.text());
  if (signed.text().toString() !== algorithm)
    throw usage("ssh-agent returned an unexpected signature type");
  return signed.text();
}

/** Returns undefined for other types of keys. */
function keyIn(blob: Buffer): PublicKey | undefined {
  const reader = new Reader(blob);
  if (reader.text().toString() !== algorithm) return undefined;
  return parsePublicKey(`wsctl-ed25519:${reader.text().toString("base64url")}`);
}

function ask(message: Buffer): Promise<Buffer> {
  const path = process.env.SSH_AUTH_SOCK;
  if (path === undefined || path === "") {
    throw usage("No ssh-agent: SSH_AUTH_SOCK is not set");
  }
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let received = Buffer.alloc(0);
    const fail = (reason: string) => {
      socket.destroy();
      reject(usage(`Cannot use the ssh-agent at "${path}": ${reason}`));
    };
    socket.setTimeout(waitMs, () => fail("it does not respond"));
    socket.once("error", (error) => fail(error.message));
    socket.once("close", () => fail("it closed the connection"));
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4) return;
      const length = received.readUInt32BE(0);
      if (length > answerBytesMax) return fail("its response is too long");
      if (received.length < 4 + length) return;
      resolve(received.subarray(4, 4 + length));
      socket.destroy();
    });
    socket.write(framed(message));
  });
}

function framed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  text(): Buffer {
    const length = this.number();
    if (this.#at + length > this.#bytes.length)
      throw usage("ssh-agent returned a malformed response");
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }
}
