/**
 * A release: a manifest with a version and its files, and signatures over the manifest's exact
 * text, which is transmitted as it was signed and never serialized again.
 */
import * as v from "valibot";
import { WsctlError } from "../protocol/errors.ts";
import { isWithinDepth } from "../protocol/json.ts";
import { formatIssue } from "../protocol/schemaError.ts";
import { isVersion } from "./semver.ts";

export const product = "wsctl";

/** Length of a signed release, in characters. */
const releaseCharsMax = 256 * 1024;
const depthMax = 6;
const filesMax = 64;
const signaturesMax = 32;

const Time = v.pipe(
  v.string("must be a time"),
  v.regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/,
    "must be a time such as 2026-01-31T08:00:00Z",
  ),
  v.check((text) => !Number.isNaN(Date.parse(text)), "must be a valid time"),
);
const File = v.strictObject({
  platform: v.pipe(
    v.string(),
    v.maxLength(64),
    v.regex(/^[a-z0-9]+(-[a-z0-9_]+)+$/, "must be a platform such as linux-x64"),
  ),
  /** A file name, never a path. */
  name: v.pipe(
    v.string(),
    v.maxLength(128),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be a file name"),
  ),
  bytes: v.pipe(v.number(), v.safeInteger("must be a whole number"), v.minValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits")),
});

export const ReleaseManifest = v.strictObject({
  product: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "must be a product name")),
  version: v.pipe(v.string(), v.check(isVersion, "must be a version such as 1.2.3")),
  created_at: Time,
  /** The release cannot be installed after this time. */
  expires_at: v.optional(Time),
  files: v.pipe(
    v.array(File),
    v.minLength(1, "must name a file"),
    v.maxLength(filesMax, `must name at most ${filesMax} files`),
    v.check(
      (files) => isDistinct(files.map(({ platform }) => platform)),
      "must name each platform once",
    ),
    v.check((files) => isDistinct(files.map(({ name }) => name)), "must name each file once"),
  ),
});
export type ReleaseManifest = v.InferOutput<typeof ReleaseManifest>;
export type ReleaseFile = ReleaseManifest["files"][number];

export const SignedRelease = v.strictObject({
  /** A `ReleaseManifest`, exactly as it was signed. */
  manifest: v.pipe(
    v.string(),
    v.maxLength(releaseCharsMax),
    // A lone surrogate has no UTF-8 bytes to sign.
    v.check((text) => text.isWellFormed(), "must be well-formed Unicode"),
  ),
  signatures: v.pipe(
    v.array(
      v.strictObject({
        /** Signatures by unknown types of keys are ignored. */
        key: v.pipe(v.string(), v.maxLength(200)),
        /** In base64. */
        signature: v.pipe(v.string(), v.maxLength(1_000)),
      }),
    ),
    v.maxLength(signaturesMax, `must be at most ${signaturesMax}`),
  ),
});
export type SignedRelease = v.InferOutput<typeof SignedRelease>;

/**
 * Parses a signed release without verifying its signatures or reading its manifest.
 *
 * @throws {WsctlError} MALFORMED
 */
export function readSignedRelease(text: string): SignedRelease {
  return readAs("the signed release", text, SignedRelease);
}

/** @throws {WsctlError} MALFORMED */
export function readManifest(text: string): ReleaseManifest {
  return readAs("the release's manifest", text, ReleaseManifest);
}

/**
 * Returns the text to sign.
 *
 * @throws {WsctlError} MALFORMED if the manifest could not be installed
 */
export function writeManifest(manifest: ReleaseManifest): string {
  const text = JSON.stringify(manifest);
  readManifest(text);
  return text;
}

/** Finds the file for a platform, such as that of `thisPlatform()`. */
export function findFile(manifest: ReleaseManifest, platform: string): ReleaseFile | undefined {
  return manifest.files.find((file) => file.platform === platform);
}

function readAs<S extends v.GenericSchema>(
  what: string,
  text: string,
  schema: S,
): v.InferOutput<S> {
  if (text.length > releaseCharsMax) {
    throw malformed(`${what} is longer than ${releaseCharsMax} characters`);
  }
  if (!isWithinDepth(text, depthMax)) throw malformed(`${what} is nested too deeply`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message may quote untrusted text.
    throw malformed(`${what} is not JSON`);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw malformed(`${what}: ${formatIssue(parsed.issues[0])}`);
}

function isDistinct(texts: string[]): boolean {
  return new Set(texts).size === texts.length;
}

function malformed(message: string): WsctlError {
  return new WsctlError("MALFORMED", message);
}
