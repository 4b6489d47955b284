/** Builds the API request of `wsctl tokens create` from its flags. */
import * as v from "valibot";
import {
  joinSecondsMax,
  joinUsesMax,
  TokenRequest,
  type TokenRequestInput,
  tokenSecondsMax,
} from "../../lib/protocol/api/tokens.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";
import { parseLabels } from "./labels.ts";
import { parseAgentId, parseSecondsWithin, wholeNumber } from "./values.ts";

export interface TokenFlags {
  join?: boolean | undefined;
  agent?: string | undefined;
  role?: string | undefined;
  name?: string | undefined;
  "expires-in"?: string | undefined;
  uses?: string | undefined;
  labels: string[];
  allow?: string | undefined;
  target?: string | undefined;
  template?: string | undefined;
  login?: boolean | undefined;
  "allow-from"?: string | undefined;
}

/** @throws {WsctlError} USAGE with the flag that is invalid or does not fit the others. */
export function parseTokenFlags(flags: TokenFlags): TokenRequestInput {
  const own = { ...whose(flags), ...parseTerms(flags) };
  if (flags.login && flags.role === undefined) throw misplaced("login", "--role");
  const request = flags.login ? { role: "login", token: own } : own;
  const checked = v.safeParse(TokenRequest, request);
  if (checked.success) return checked.output;
  throw usage(`Cannot create the token: ${formatIssue(checked.issues[0])}`);
}

function whose({ join, agent, role }: TokenFlags): object {
  const named = agent === undefined ? {} : { agent_id: parseAgentId("agent", agent) };
  if (join === true && role === undefined) return { role: "join", ...named };
  if ((agent === undefined) === (role === undefined) || join === true) {
    throw usage(
      "Missing kind of token: specify --join for a new host, --agent ID for an agent, or --role ROLE for an operator",
    );
  }
  return role === undefined ? { role: "agent", ...named } : { role };
}

function parseTerms(flags: TokenFlags): object {
  const { join, role, name, agent, uses, labels, allow, target, template } = flags;
  const { "expires-in": expires, "allow-from": from } = flags;
  const isHost = join === true || agent !== undefined;
  if (uses !== undefined && join !== true) throw misplaced("uses", "--join");
  if (labels.length > 0 && !isHost) throw misplaced("label", "--join or --agent");
  const isNarrow = role === "operator" || role === "viewer";
  if (allow !== undefined && !isNarrow) throw misplaced("allow", "--role operator or viewer");
  if (target !== undefined && !isNarrow) throw misplaced("target", "--role operator or viewer");
  if (name !== undefined && role === undefined && join !== true) {
    throw misplaced("name", "--role or --join: an agent is known by its ID");
  }
  if ((template !== undefined) !== (role === "trigger")) {
    throw usage("Flags --role trigger and --template NAME belong together");
  }
  const most = join === true ? joinSecondsMax : tokenSecondsMax;
  const seconds =
    expires === undefined ? undefined : parseSecondsWithin("expires-in", expires, most);
  return {
    ...(name === undefined ? {} : { name }),
    ...(seconds === undefined ? {} : { expires_in_seconds: seconds }),
    ...(uses === undefined ? {} : { uses: wholeNumber("uses", uses, 1, joinUsesMax) }),
    ...(labels.length === 0 ? {} : { labels: parseLabels(labels) }),
    ...(allow === undefined ? {} : { commands: parseList("allow", allow) }),
    ...(target === undefined ? {} : { target }),
    ...(template === undefined ? {} : { template }),
    ...(from === undefined ? {} : { addresses: parseList("allow-from", from) }),
  };
}

function parseList(flag: string, text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.every((item) => item !== "")) return items;
  throw usage(`Flag --${flag} is "${text}": expected one or more, separated by commas`);
}

function misplaced(flag: string, where: string): Error {
  return usage(`Flag --${flag} needs ${where}`);
}
