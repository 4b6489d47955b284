/** The flags of `serve` for an S3-compatible store, and their settings. */
import {
  credentialsFromEnv,
  credentialsFromFile,
} from "../../lib/control/artifacts/s3Credentials.ts";
import type { S3Options } from "../../lib/control/artifacts/s3Store.ts";
import { usage } from "../cli/strictArgs.ts";

export const s3Args = {
  "s3-url": {
    type: "string",
    valueHint: "URL",
    description: "store artifacts in an S3-compatible store: https://HOST/BUCKET[/PREFIX]",
  },
  "s3-region": {
    type: "string",
    default: "us-east-1",
    valueHint: "REGION",
    description: "region of the store",
  },
  "s3-credentials-file": {
    type: "string",
    valueHint: "FILE",
    description:
      "file with credentials, as ~/.aws/credentials; AWS_ACCESS_KEY_ID and others are the alternative",
  },
} as const;

export interface S3Flags {
  "s3-url"?: string | undefined;
  "s3-region": string;
  "s3-credentials-file"?: string | undefined;
  "insecure-plaintext"?: boolean | undefined;
}

/**
 * Returns undefined if artifacts are stored in the data directory.
 * @throws {WsctlError} USAGE if the flags cannot work.
 */
export function parseS3(flags: S3Flags): Omit<S3Options, "fetch"> | undefined {
  const { "s3-url": text, "s3-region": region, "s3-credentials-file": file } = flags;
  if (text === undefined) {
    if (file === undefined) return undefined;
    throw usage("Flag --s3-credentials-file needs --s3-url");
  }
  const url = parseUrl(text, flags["insecure-plaintext"] ?? false);
  if (!/^[A-Za-z0-9-]{1,64}$/.test(region)) {
    throw usage(`Flag --s3-region is "${region}": expected a name such as us-east-1`);
  }
  const credentials = () =>
    file === undefined ? credentialsFromEnv(process.env) : credentialsFromFile(file);
  // Missing credentials are reported now, and not when the first result is lost.
  credentials();
  return { url, region, credentials };
}

function parseUrl(text: string, isPlaintextAllowed: boolean): string {
  const expected = 'expected "https://HOST[:PORT]/BUCKET[/PREFIX]"';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const path = url?.pathname.replace(/\/+$/, "") ?? "";
  const isShaped = url !== undefined && /^https?:$/.test(url.protocol) && path.length > 1;
  if (!isShaped || !/^(\/[A-Za-z0-9._-]+)+$/.test(path)) {
    throw usage(`Flag --s3-url is not an address: ${expected}, with letters, digits, . _ -`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw usage(`Flag --s3-url is invalid: ${expected}, without credentials, query and fragment`);
  }
  const isLoopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  if (url.protocol === "http:" && !isLoopback && !isPlaintextAllowed) {
    throw usage(
      "Flag --s3-url uses http: the network can read results and URLs. Use https, or specify --insecure-plaintext",
    );
  }
  return `${url.origin}${path}`;
}
