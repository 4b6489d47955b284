/**
 * `wsctl release`: generates keys, and signs and verifies releases, which are files of the user.
 */

import { createFile, writeFileAtomically } from "../../lib/files/atomicWrite.ts";
import { readTextFile } from "../../lib/files/readText.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import {
  generateKey,
  type PrivateKey,
  type PublicKey,
  parsePublicKey,
  readPrivateKey,
} from "../../lib/protocol/keys.ts";
import { checkFile, readFileInfo } from "../../lib/release/files.ts";
import {
  product,
  type ReleaseFile,
  type ReleaseManifest,
  readManifest,
  readSignedRelease,
  type SignedRelease,
  writeManifest,
} from "../../lib/release/manifest.ts";
import { isSignedBy, verifyRelease, withSignature } from "../../lib/release/verify.ts";
import { exitFailed, exitOk } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { readTrustedFile } from "../flags/connection.ts";
import { parseSeconds } from "../flags/values.ts";
import { quantity } from "../output/quantity.ts";
import { print, printJson, remark } from "../output/stdio.ts";
import { table } from "../output/table.ts";
import { readPassphrase } from "../signing/keyFiles.ts";

interface Options {
  json?: boolean | undefined;
  "passphrase-file"?: string | undefined;
}

/** @throws {WsctlError} USAGE */
export async function generateKeyRun(options: Options & { file: string }): Promise<number> {
  const { pem, publicKey } = generateKey(readPassphrase(options["passphrase-file"]));
  try {
    // An existing key may be the only copy, so it is never overwritten.
    createFile(options.file, pem, 0o600);
  } catch (error) {
    throw usage(`Cannot write "${options.file}": ${errorText(error)}`);
  }
  if (options.json) printJson({ file: options.file, public_key: publicKey.text, id: publicKey.id });
  else print(publicKey.text);
  remark(`Keep ${options.file} secret: it can sign releases. Agents trust the public key above.`);
  return exitOk;
}

export interface SignOptions extends Options {
  keys: string[];
  files: string[];
  version?: string | undefined;
  "expires-in"?: string | undefined;
  add?: string | undefined;
  output?: string | undefined;
}

export async function signRun(options: SignOptions): Promise<number> {
  const keys = readPrivateKeys(options);
  const unsigned = options.add === undefined ? newRelease(options) : requireFile(options);
  const signed = keys.reduce(withSignature, unsigned);
  const manifest = readManifest(signed.manifest);
  const text = `${JSON.stringify(signed)}\n`;
  const output = options.output ?? options.add;
  if (output === undefined) print(text.trimEnd());
  else writeRelease(output, text);
  const signers = keys.map(({ publicKey }) => publicKey.id);
  if (output !== undefined && options.json) {
    printJson({ file: output, version: manifest.version, signed_by: signers });
  }
  const what = `${product} ${manifest.version} (${quantity(manifest.files.length, "file")})`;
  remark(
    `Signed ${what} with ${signers.join(", ")}; ${quantity(signed.signatures.length, "signature")} in total.`,
  );
  return exitOk;
}

export interface VerifyOptions extends Options {
  release: string;
  trust: string[];
  threshold: string;
  dir?: string | undefined;
}

/** @throws {WsctlError} USAGE */
export async function verifyRun(options: VerifyOptions): Promise<number> {
  if (options.trust.length === 0) throw usage("Missing required flag --trust KEY");
  const threshold = Number(options.threshold);
  if (!Number.isInteger(threshold)) {
    throw usage(`Flag --threshold is "${options.threshold}": expected a whole number`);
  }
  const keys = options.trust.map(trusted);
  const signed = readRelease(options.release);
  const { manifest, signers } = verifyRelease(signed, { keys, threshold }, Date.now());
  const { dir } = options;
  const faults = dir === undefined ? [] : manifest.files.flatMap((f) => checkFile(dir, f) ?? []);
  const signed_by = signers.map(({ id }) => id);
  if (options.json) {
    const { version } = manifest;
    printJson({ ok: faults.length === 0, version, signed_by, ...(dir && { faults }) });
  } else if (faults.length === 0) {
    const files = dir === undefined ? "" : `; ${quantity(manifest.files.length, "file")} in ${dir}`;
    print(`ok: ${product} ${manifest.version}, signed by ${signed_by.join(", ")}${files}`);
  }
  for (const fault of faults) remark(`wsctl: ${fault}`);
  return faults.length === 0 ? exitOk : exitFailed;
}

export async function showRun(options: Options & { release: string }): Promise<number> {
  const signed = readRelease(options.release);
  const manifest = readManifest(signed.manifest);
  const signatures = signed.signatures.map(({ key }) => buildSigner(signed, key));
  if (options.json) printJson({ ...manifest, signatures });
  else printRelease(manifest, signatures);
  return exitOk;
}

interface Signer {
  key: string;
  id?: string;
  /** Whether the signature matches this manifest; this does not mean that its key is trusted. */
  valid: boolean;
}

function buildSigner(signed: SignedRelease, text: string): Signer {
  let key: PublicKey;
  try {
    key = parsePublicKey(text);
  } catch {
    // The signature has an unknown type.
    return { key: text, valid: false };
  }
  return { key: text, id: key.id, valid: isSignedBy(signed, key) };
}

function printRelease(manifest: ReleaseManifest, signatures: Signer[]): void {
  const { version, created_at, expires_at = "never", files } = manifest;
  print(`${manifest.product} ${version}, made ${created_at}, expires ${expires_at}`);
  const rows = files.map(({ platform, name, bytes, sha256 }) => {
    return [platform, name, String(bytes), sha256];
  });
  print(table(["PLATFORM", "NAME", "BYTES", "SHA-256"], rows));
  const signers = signatures.map(({ key, id = "-", valid }) => {
    return [id, valid ? "of this manifest" : "NOT of this manifest", key];
  });
  print(table(["SIGNED BY", "SIGNATURE", "KEY"], signers));
}

function newRelease({ version, files, "expires-in": expires }: SignOptions): SignedRelease {
  if (version === undefined) throw usage("Missing required flag --version 1.2.3");
  if (files.length === 0) throw usage("Missing required flag --file PLATFORM=PATH");
  const now = Date.now();
  const expiresAt =
    expires === undefined ? undefined : now + parseSeconds("expires-in", expires) * 1e3;
  const text = writeManifest({
    product,
    version,
    created_at: formatTime(now),
    ...(expiresAt === undefined ? {} : { expires_at: formatTime(expiresAt) }),
    files: files.map(parseFileFlag),
  });
  return { manifest: text, signatures: [] };
}

/** A manifest that was changed after it was signed must not get another signature. */
function requireFile({
  add = "",
  version,
  files,
  "expires-in": expires,
}: SignOptions): SignedRelease {
  if (version !== undefined || files.length > 0 || expires !== undefined) {
    throw usage("Flag --add cannot be combined with --version, --file and --expires-in");
  }
  const signed = readRelease(add);
  const manifest = readManifest(signed.manifest);
  if (manifest.product !== product) throw usage(`${add} is a release of "${manifest.product}"`);
  for (const { key } of signed.signatures) {
    const { id, valid } = buildSigner(signed, key);
    if (id !== undefined && !valid) {
      throw usage(
        `${add}: key ${id} has signed something else; the manifest may have been altered`,
      );
    }
  }
  return signed;
}

function parseFileFlag(text: string): ReleaseFile {
  const at = text.indexOf("=");
  if (at < 1) throw usage(`Flag --file is "${text}": expected PLATFORM=PATH`);
  const [platform, path] = [text.slice(0, at), text.slice(at + 1)];
  try {
    return { platform, name: `${product}-${platform}`, ...readFileInfo(path) };
  } catch (error) {
    throw usage(`Flag --file: cannot read "${path}": ${errorText(error)}`);
  }
}

function readPrivateKeys(options: SignOptions): PrivateKey[] {
  if (options.keys.length === 0) throw usage("Missing required flag --key FILE");
  const passphrase = readPassphrase(options["passphrase-file"]);
  return options.keys.map((path) => {
    const pem = readTrustedFile("Flag --key", path);
    try {
      return readPrivateKey(pem, passphrase);
    } catch (error) {
      const needsPassphrase = pem.includes("ENCRYPTED") && passphrase === undefined;
      const hint = needsPassphrase ? ": specify --passphrase-file FILE" : "";
      throw usage(`Flag --key: "${path}": ${errorText(error)}${hint}`);
    }
  });
}

function trusted(text: string): PublicKey {
  try {
    return parsePublicKey(text.trim());
  } catch (error) {
    throw usage(`Flag --trust: ${errorText(error)}`);
  }
}

function readRelease(path: string): SignedRelease {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    throw usage(`Cannot read the release "${path}": ${errorText(error)}`);
  }
  try {
    return readSignedRelease(text);
  } catch (error) {
    if (!(error instanceof WsctlError)) throw error;
    throw new WsctlError(error.code, `${path}: ${error.message}`);
  }
}

/** Times have whole seconds, because the manifest needs no more precision. */
function formatTime(time: number): string {
  return new Date(Math.floor(time / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
}

function writeRelease(path: string, text: string): void {
  try {
    writeFileAtomically(path, text, 0o644);
  } catch (error) {
    throw usage(`Cannot write "${path}": ${errorText(error)}`);
  }
}
