/**
 * `wsctl send COMMAND --help --agent ID`: help on a command that an agent announced, in the form of
 * every other help. The texts come from the agent, so they are escaped for terminals and shells.
 */
import type { Client } from "../../lib/client/client.ts";
import { escapeControls } from "../../lib/escapeControls.ts";
import type { AgentDetail, Capability } from "../../lib/protocol/api/views.ts";
import { WsctlError } from "../../lib/protocol/errors.ts";
import { nearest } from "../../lib/protocol/nearest.ts";
import { columns, type Row, section } from "./help.ts";
import { listParameters, type Parameter } from "./parameterHelp.ts";

/**
 * Returns the help of the first of these agents that has the command.
 * @throws {WsctlError} INVALID_COMMAND if none has it, NOT_FOUND if none has announced its
 * capabilities.
 */
export async function commandHelp(
  client: Client,
  agentIds: readonly string[],
  name: string,
): Promise<string> {
  const known = new Map<string, readonly Capability[]>();
  for (const id of agentIds) {
    const agent = await client.agent(id);
    const entry = agent.commands?.find((each) => each.name === name);
    if (entry !== undefined) return formatCapability(entry, agent);
    if (agent.commands !== undefined) known.set(id, agent.commands);
  }
  throw known.size === 0 ? undescribed(agentIds) : unknownCommand(name, known);
}

/** Returns an agent's text as one line without control characters. */
function oneLine(text: string): string {
  return escapeControls(text).replace(/\s+/g, " ").trim();
}

/** Quotes a word for any shell. */
export function shellQuote(text: string): string {
  const shown = escapeControls(text).replaceAll("\n", "\\n");
  return /^[\w.,@%+:=/…-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}

function formatCapability(entry: Capability, { agent_id }: AgentDetail): string {
  const { name, description = "", parameters } = entry;
  const listed = parameters === undefined ? [] : listParameters(parameters);
  return [
    [`${oneLine(name)} on ${agent_id}`, oneLine(description)].filter(Boolean).join(": "),
    section("PARAMETERS", columns(listed.map(parameterRow))),
    describeParameter(entry, listed),
    section("EXAMPLE", [exampleLine(name, agent_id, listed)]),
    'For the flags, see "wsctl send --help".',
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function describeParameter({ parameters }: Capability, listed: readonly Parameter[]): string {
  if (parameters === undefined) return "Its parameters are too long to be announced.";
  const isClosed = parameters.additionalProperties === false;
  if (isClosed) return listed.length === 0 ? "It takes no parameters." : "";
  return "The agent checks other parameters.";
}

function parameterRow({ name, words, isRequired, description, ...rest }: Parameter): Row {
  const otherwise = rest.default === undefined ? "" : ` (default ${rest.default})`;
  const need = isRequired ? ", required" : otherwise;
  const told = description === undefined ? "" : `; ${description}`;
  return [oneLine(name), oneLine(`${words}${need}${told}`)];
}

/** Shows the required parameters, or the first one, with a value if a valid one is known. */
function exampleLine(name: string, agentId: string, listed: readonly Parameter[]): string {
  const required = listed.filter((each) => each.isRequired);
  const shown = required.length > 0 ? required : listed.slice(0, 1);
  const pairs = shown.map((each) => {
    if (each.isFile) return `--file ${shellQuote(`${each.name}=PATH`)}`;
    const value = each.default ?? each.values[0] ?? "…";
    return `--param ${shellQuote(`${each.name}=${value}`)}`;
  });
  const command = name.startsWith("-") ? ["--", shellQuote(name)] : [shellQuote(name)];
  return name.startsWith("-")
    ? ["wsctl send --agent", agentId, ...pairs, ...command].join(" ")
    : ["wsctl send", ...command, "--agent", agentId, ...pairs].join(" ");
}

function undescribed(agentIds: readonly string[]): WsctlError {
  const [first = ""] = agentIds;
  const who = agentIds.length === 1 ? `Agent "${first}" has` : "These agents have";
  const text = `${who} not announced any capabilities. For an agent of the standard protocol, see its own documentation. For the flags, see "wsctl send --help"`;
  return new WsctlError("NOT_FOUND", text);
}

function unknownCommand(
  name: string,
  known: ReadonlyMap<string, readonly Capability[]>,
): WsctlError {
  const names = [...new Set([...known.values()].flat().map((entry) => entry.name))];
  const close = nearest(name, names);
  const meant = close === undefined ? "" : ` did you mean "${oneLine(close)}"?`;
  const [first = ""] = known.keys();
  const who = known.size === 1 ? `Agent "${first}" has no` : "None of these agents has a";
  const list = names.map(oneLine).join(", ") || "nothing";
  const has = known.size === 1 ? "It has" : "They have";
  const text = `${who} command "${oneLine(name)}":${meant} ${has}: ${list}`;
  return new WsctlError("INVALID_COMMAND", text);
}
