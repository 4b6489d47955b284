/**
 * The keys with which an operator signs commands: files of this user, paths, or keys of an
 * ssh-agent.
 */

import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createFile, writeFileAtomically } from "../../lib/files/atomicWrite.ts";
import { readTextFile, readTrustedTextFile } from "../../lib/files/readText.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { generateKey, readPrivateKey } from "../../lib/protocol/keys.ts";
import { defaultSettingsFile } from "../cli/paths.ts";
import { usage } from "../cli/strictArgs.ts";
import { readTrustedFile } from "../flags/connection.ts";
import { readStdin } from "../output/stdio.ts";
import type { Signer } from "./signer.ts";
import { sshKeys } from "./sshAgent.ts";

const ending = ".key";
const sshPrefix = "ssh-agent";

function keysDir(): string {
  return join(dirname(defaultSettingsFile(process.env)), "keys");
}

/**
 * Creates a key with a name.
 * @throws {WsctlError} USAGE if it already exists.
 */
export function newKey(
  name: string,
  passphrase: string | undefined,
): { path: string; text: string } {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name)) {
    throw usage(`Invalid key name "${name}": expected letters, digits, ".", "_" and "-"`);
  }
  const path = join(keysDir(), name + ending);
  if (existsSync(path)) throw usage(`Key "${name}" already exists: ${path}`);
  const { pem, publicKey } = generateKey(passphrase);
  try {
    mkdirSync(keysDir(), { recursive: true, mode: 0o700 });
    // A private key without its public one would have a name, and be in no list.
    writeFileAtomically(`${path}.pub`, `${publicKey.text}\n`, 0o644);
    createFile(path, pem, 0o600);
  } catch (error) {
    rmSync(`${path}.pub`, { force: true });
    throw usage(`Cannot write the key "${path}": ${errorText(error)}`);
  }
  return { path, text: publicKey.text };
}

export interface KnownKey {
  name: string;
  /** Text of the public key. */
  text: string;
}

/** Returns the public keys in the key directory. */
export function knownKeys(): KnownKey[] {
  const dir = keysDir();
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith(`${ending}.pub`))
    .sort()
    .map((file) => {
      const name = file.slice(0, -`${ending}.pub`.length);
      return { name, text: readTextFile(join(dir, file)).trim() };
    });
}

/**
 * Loads several keys with one passphrase. It is read once, because standard input can be read only
 * once.
 */
export async function loadSigners(keys: readonly string[], passphraseFile?: string) {
  const passphrase = readPassphrase(passphraseFile);
  const signers: Signer[] = [];
  for (const key of keys) signers.push(await loadSigner(key, passphrase));
  return signers;
}

/**
 * Loads the key of a flag: its name, its path, or `ssh-agent:COMMENT`.
 * @throws {WsctlError} USAGE with the places that were searched.
 */
async function loadSigner(text: string, passphrase: string | undefined): Promise<Signer> {
  if (text === sshPrefix || text.startsWith(`${sshPrefix}:`)) {
    return sshSigner(text.slice(sshPrefix.length + 1));
  }
  const named = join(keysDir(), text + ending);
  const path = !text.includes("/") && existsSync(named) ? named : text;
  if (!existsSync(path)) {
    const advice = 'generate one with "wsctl keys generate", or see "wsctl keys list"';
    throw usage(`Unknown key "${text}": neither ${named} nor this path exists; ${advice}`);
  }
  const pem = readKeyFile(path);
  try {
    const { publicKey, sign } = readPrivateKey(pem, passphrase);
    return { publicKey, sign: async (message) => sign(message) };
  } catch (error) {
    const advice =
      passphrase === undefined ? "; specify --passphrase-file if it has a passphrase" : "";
    throw usage(`Cannot use the key "${path}": ${errorText(error)}${advice}`);
  }
}

function readKeyFile(path: string): string {
  try {
    return readTrustedTextFile(path);
  } catch (error) {
    throw usage(`Cannot use the key "${path}": ${errorText(error)}`);
  }
}

/**
 * Returns undefined without a file.
 * @throws {WsctlError} USAGE if the file is empty.
 */
export function readPassphrase(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const text = file === "-" ? readStdin() : readTrustedFile("Flag --passphrase-file", file);
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase !== "") return passphrase;
  throw usage(`Flag --passphrase-file: "${file}" is empty: expected a passphrase`);
}

async function sshSigner(comment: string): Promise<Signer> {
  const keys = await sshKeys();
  const found = comment === "" ? keys : keys.filter((key) => key.comment === comment);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const names = keys.map((key) => `"${key.comment}"`).join(", ") || "none";
  const what = found.length === 0 ? "No such Ed25519 key" : "More than one Ed25519 key";
  throw usage(`${what} in the ssh-agent: specify ssh-agent:COMMENT; available: ${names}`);
}
