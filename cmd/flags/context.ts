/**
 * Contexts: control planes that this user has logged in to, with their tokens. They are for the
 * commands of operators; an agent never uses one.
 */
import { toTrust } from "../../lib/network/trust.ts";
import { toServerAddress } from "../../lib/protocol/api/serverAddress.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { usage } from "../cli/strictArgs.ts";
import {
  assertSafeEnvironment,
  type ConnectionSettings,
  readCaFile,
  readConnection,
  readToken,
} from "./connection.ts";
import type { Context } from "./contextFile.ts";
import { localContext, readContextText } from "./contextText.ts";

/**
 * Returns the control plane and the token of an operator: of the flags, of the context in use, or
 * of the control plane on this host.
 * @throws {WsctlError} USAGE, UNREACHABLE or UNAUTHORIZED with what is missing
 */
export async function readOperatorConnection(
  flags: ClientFlags,
  needsToken = true,
): Promise<ConnectionSettings> {
  const context = await chooseContext(flags);
  if (context === undefined) return readConnection(flags, needsToken);
  assertSafeEnvironment();
  const { url, others = [], token, ca, server_name } = context;
  const given = flags.ca === undefined ? ca : readCaFile(flags.ca);
  const address = toServerAddress(url);
  return {
    ...address,
    others,
    token: readToken(flags) ?? token,
    trust: toTrust({ ca: given, server_name }),
  };
}

/** An explicit address or data directory is more specific than the context in use. */
async function chooseContext(flags: ClientFlags): Promise<Context | undefined> {
  const { context: name, server } = flags;
  if (name !== undefined && server !== undefined) {
    throw usage("Flags --context and --server cannot be combined: specify one of them");
  }
  if (name === localContext || server !== undefined) return undefined;
  if (name === undefined && flags["data-dir"] !== undefined) return undefined;
  const text = readContextText();
  if (name === undefined && text === undefined) return undefined;
  // Loaded here, because most users have no contexts.
  const { findContext, parseContexts } = await import("./contextFile.ts");
  const file = text === undefined ? { contexts: {} } : parseContexts(text);
  if (name !== undefined) {
    return findContext(file, name, `Flag --context is "${name}": it does not exist`);
  }
  return file.current === undefined ? undefined : findContext(file, file.current);
}
