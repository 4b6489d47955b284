/** Reads the join string of an agent, as long as it is needed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isSuccessor } from "../cli/startDirectory.ts";
import { readTrustedFile } from "../flags/connection.ts";
import { readStdin } from "../output/stdio.ts";

/** The file with the key of an agent that has joined, in its data directory. */
export const identityFile = "identity.json";

export interface JoinInput {
  /** The join string; undefined if there is none, or if the agent no longer needs it. */
  text: string | undefined;
  /** The agent has joined, and uses its key. */
  isJoined: boolean;
}

/**
 * Reads the value of `--join`. The process that replaces an agent does not read it again: standard
 * input was read, and a file with a secret may have been deleted since. A missing file is also
 * accepted at any other start of an agent that has joined.
 * @param given The value, with an absolute path.
 * @param dir The data directory of the agent, as far as its ID is known without the join string.
 * @throws {WsctlError} USAGE if the file cannot be read.
 */
export function readJoinText(given: string | undefined, dir: string): JoinInput {
  if (given === undefined || given === "") return { text: undefined, isJoined: false };
  const file = given.startsWith("@") ? given.slice(1) : undefined;
  const isUnreadable = isSuccessor() || (file !== undefined && !existsSync(file));
  if (isUnreadable && existsSync(join(dir, identityFile))) {
    return { text: undefined, isJoined: true };
  }
  if (given === "-") return { text: readStdin(), isJoined: false };
  return {
    text: file === undefined ? given : readTrustedFile("Flag --join", file),
    isJoined: false,
  };
}
