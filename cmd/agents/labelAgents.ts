/** `wsctl agents label`: changes of labels on the command line, or in a CSV file. */
import { parse } from "csv-parse/sync";
import * as v from "valibot";
import type { Client } from "../../lib/client/client.ts";
import { errorText, WsctlError } from "../../lib/protocol/errors.ts";
import { hasWildcard, matchesWildcard } from "../../lib/protocol/wildcard.ts";
import type { ClientFlags } from "../cli/commonFlags.ts";
import { exitOk } from "../cli/exit.ts";
import { usage } from "../cli/strictArgs.ts";
import { readFile } from "../flags/connection.ts";
import { createClient } from "../flags/controlPlane.ts";
import { parseLabelChanges } from "../flags/labels.ts";
import { print, printJson } from "../output/stdio.ts";
import { formatLabels } from "./formatAgent.ts";

interface LabelFlags extends ClientFlags {
  id?: string | undefined;
  target?: string | undefined;
  from?: string | undefined;
  json?: boolean | undefined;
}

/** The changes of one agent; null removes a label. */
interface LabelChange {
  agentId: string;
  labels: Record<string, string | null>;
}

/**
 * @param words The changes for the agents of the command line.
 * @throws {WsctlError} USAGE
 */
export async function labelRun(flags: LabelFlags, words: readonly string[]): Promise<number> {
  const find = parseWanted(flags, words);
  const client = await createClient(flags);
  const wanted = await find(client);
  for (const { agentId, labels } of wanted) {
    const agent = await client.labelAgent(agentId, labels);
    if (flags.json) printJson(agent);
    else print(`${agentId}: ${formatLabels(agent) ?? "no labels"}`);
  }
  return exitOk;
}

/** Returns what finds the changes: those of a file, or the same ones for several agents. */
function parseWanted(
  { id, target, from }: LabelFlags,
  words: readonly string[],
): (client: Client) => Promise<LabelChange[]> {
  if (from !== undefined) {
    if (id !== undefined || target !== undefined) {
      throw usage("AGENT, --target and --from cannot be combined: the file names the agents");
    }
    const rows = parseCsv(from, readFile("from", from));
    return async (client) => {
      await assertKnown(client, rows);
      return rows;
    };
  }
  // With a target, the first word is a label, too.
  const changes = target === undefined || id === undefined ? words : [id, ...words];
  if ((target === undefined && id === undefined) || changes.length === 0) {
    const text = "Missing AGENT and KEY=VALUE: specify both";
    throw usage(`${text}, or --target SELECTOR and KEY=VALUE, or --from FILE`);
  }
  const labels = parseLabelChanges(changes);
  return async (client) => {
    const ids =
      target === undefined
        ? await selectAgentIds(client, id ?? "")
        : await selectTarget(client, target);
    return ids.map((agentId) => ({ agentId, labels }));
  };
}

/** @throws {WsctlError} NO_MATCH */
async function selectTarget(client: Client, selector: string): Promise<string[]> {
  const ids = (await client.agents({ selector })).map(({ agent_id }) => agent_id);
  if (ids.length > 0) return ids;
  throw new WsctlError("NO_MATCH", `No agent matches the target "${selector}"`);
}

const agentColumn = "agent";
const Rows = v.array(v.record(v.string(), v.string()));

/**
 * Returns the changes of a CSV file (RFC 4180). Its first line has the names of the columns. An
 * empty cell changes nothing.
 *
 * @throws {WsctlError} USAGE with the line that is wrong
 */
function parseCsv(path: string, text: string): LabelChange[] {
  const fault = (why: string) => usage(`Cannot read labels from "${path}": ${why}`);
  let rows: v.InferOutput<typeof Rows>;
  try {
    rows = v.parse(
      Rows,
      parse(text, { columns: true, bom: true, trim: true, skipEmptyLines: true }),
    );
  } catch (error) {
    throw fault(errorText(error));
  }
  if (rows.length === 0) throw fault("it has no line below the names of the columns");
  return rows.map((row, index) => {
    const { [agentColumn]: agentId = "", ...cells } = row;
    const at = `row ${index + 1}`;
    if (agentId === "") throw fault(`${at} has no value in the column "${agentColumn}"`);
    const set = Object.entries(cells).filter(([, value]) => value !== "");
    const words = set.map(([key, value]) => (value === "-" ? `${key}-` : `${key}=${value}`));
    try {
      return { agentId: agentId.toLowerCase(), labels: parseLabelChanges(words) };
    } catch (error) {
      throw fault(`${at}, agent "${agentId}": ${errorText(error)}`);
    }
  });
}

/** Checks all agents before any label is changed. @throws {WsctlError} NO_MATCH */
async function assertKnown(client: Client, changes: readonly LabelChange[]): Promise<void> {
  const known = new Set((await client.agents()).map(({ agent_id }) => agent_id));
  const unknown = changes.find(({ agentId }) => !known.has(agentId));
  if (unknown !== undefined) throw unknownAgent(unknown.agentId);
}

function unknownAgent(word: string): WsctlError {
  const text = `Unknown agent "${word}". List the agents with: wsctl agents`;
  return new WsctlError("NO_MATCH", text);
}

/**
 * Returns the agents that a list of IDs and wildcards selects, before anything is changed.
 * @throws {WsctlError} NO_MATCH with the first word that selects none.
 */
async function selectAgentIds(client: Pick<Client, "agents">, list: string): Promise<string[]> {
  const words = list.split(",").map((word) => word.trim().toLowerCase());
  if (words.length === 1 && !hasWildcard(list)) return words;
  const known = (await client.agents()).map(({ agent_id }) => agent_id);
  const selected = words.flatMap((word) => {
    const found = known.filter((id) =>
      hasWildcard(word) ? matchesWildcard(word, id) : id === word,
    );
    if (found.length > 0) return found;
    throw unknownAgent(word);
  });
  return [...new Set(selected)];
}
