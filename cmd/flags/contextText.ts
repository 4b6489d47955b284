/** Where the file of contexts is, and its text. */
import { join } from "node:path";
import { readTrustedTextFile } from "../../lib/files/readText.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { homeOf } from "../cli/paths.ts";
import { usage } from "../cli/strictArgs.ts";

/** The name of the control plane of this host, which has no entry. */
export const localContext = "local";

/** Returns undefined for a user without a home directory, who can have no contexts. */
export function contextPath(): string | undefined {
  const home = homeOf();
  const config = process.env.XDG_CONFIG_HOME || (home && join(home, ".config"));
  return config && join(config, "wsctl", "contexts.json");
}

/**
 * Returns the text of the file of contexts; undefined if there is none.
 * @throws {WsctlError} USAGE if it cannot be read
 */
export function readContextText(): string | undefined {
  const path = contextPath();
  if (path === undefined) return undefined;
  try {
    return readTrustedTextFile(path);
  } catch (error) {
    if (/ENOENT|ENOTDIR|No such file/i.test(errorText(error))) return undefined;
    throw usage(`Cannot read the contexts "${path}": ${errorText(error)}`);
  }
}
