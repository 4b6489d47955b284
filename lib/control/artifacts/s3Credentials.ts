/**
 * Credentials of an S3-compatible store, from the environment or from a file in the AWS format.
 * They stay on the control plane; agents and operators get signed URLs only.
 */
import { statSync } from "node:fs";
import { readTextFile } from "../../files/readText.ts";
import { errorText, WsctlError } from "../../protocol/errors.ts";

/** The property names are those of the signer. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/**
 * Reads the credentials from the environment.
 *
 * @throws {WsctlError} USAGE if they are missing or incomplete
 */
export function credentialsFromEnv(env: Record<string, string | undefined>): S3Credentials {
  const read = (name: string) => env[name] || undefined;
  return complete(
    {
      aws_access_key_id: read("AWS_ACCESS_KEY_ID"),
      aws_secret_access_key: read("AWS_SECRET_ACCESS_KEY"),
      aws_session_token: read("AWS_SESSION_TOKEN"),
    },
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --s3-credentials-file",
  );
}

/**
 * Reads the profile `default` of a file like `~/.aws/credentials`.
 *
 * @throws {WsctlError} USAGE
 */
export function credentialsFromFile(path: string): S3Credentials {
  let text: string;
  let mode: number;
  try {
    text = readTextFile(path);
    mode = statSync(path).mode;
  } catch (error) {
    throw fault(`cannot read "${path}": ${errorText(error)}`);
  }
  if ((mode & 0o077) !== 0) {
    throw fault(`others may read or write "${path}". Run chmod 600 on it`);
  }
  const advice = `Expected aws_access_key_id and aws_secret_access_key below [default] in "${path}"`;
  return complete(readProfile(text, "default"), advice);
}

/** Returns the keys of one section of an INI file, in lower case. */
export function readProfile(text: string, profile: string): Record<string, string | undefined> {
  const found: Record<string, string> = {};
  let section = "";
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const header = /^\[\s*(.*?)\s*\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;
    const at = line.indexOf("=");
    if (header !== undefined || at < 1 || section !== profile) continue;
    found[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return found;
}

function complete(values: Record<string, string | undefined>, advice: string): S3Credentials {
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = values;
  if (!accessKeyId || !secretAccessKey) {
    throw new WsctlError("USAGE", `No credentials for the object storage. ${advice}`);
  }
  const { aws_session_token: sessionToken } = values;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

function fault(text: string): WsctlError {
  return new WsctlError("USAGE", `Flag --s3-credentials-file: ${text}`);
}
