/**
 * Builds the screen of `wsctl watch` from its state: a number of lines with a number of columns.
 * Pure.
 */
import { escapeControls } from "../../lib/escapeControls.ts";
import type { AgentView } from "../../lib/protocol/api/views.ts";
import { quantity } from "../output/quantity.ts";
import { findSelected, formatState, shownAgents, type WatchState } from "./state.ts";

export interface ScreenSize {
  columns: number;
  rows: number;
}

/** The lines that are not agents: the head, the headings, and the details of the selected agent. */
const otherRows = 4;
const widthOf = { state: 16, cpu: 5, memory: 8, latency: 8, version: 8, open: 4 };
const agentCellsMax = 40;

const reversed = (text: string) => `\x1b[7m${text}\x1b[27m`;
const bold = (text: string) => `\x1b[1m${text}\x1b[22m`;

/** Returns the number of agents that fit on the screen. */
export function pageRows({ rows }: ScreenSize): number {
  return Math.max(1, rows - otherRows);
}

export function buildScreen(state: WatchState, size: ScreenSize, now: number): string[] {
  const { columns, rows } = size;
  const shown = shownAgents(state);
  const selected = findSelected(state);
  const page = pageRows(size);
  const at = Math.max(0, selected === undefined ? 0 : shown.indexOf(selected));
  const first = Math.max(0, Math.min(at - Math.floor(page / 2), shown.length - page));
  const idCells = idColumnWidth(shown, columns);
  const body = shown.slice(first, first + page).map((agent) => {
    const line = cut(formatRow(agent, idCells, now), columns);
    return agent === selected ? reversed(line.padEnd(columns)) : line;
  });
  const lines = [
    bold(cut(formatHeader(state, shown.length), columns)),
    cut(headings(state, idCells), columns),
    ...body,
    ...Array<string>(Math.max(0, page - body.length)).fill(""),
    cut(selected === undefined ? "" : formatDetail(selected), columns),
    cut(formatPrompt(state), columns),
  ];
  return lines.slice(0, rows);
}

/** Returns the width of the longest id, limited by the space of the other columns. */
function idColumnWidth(shown: readonly AgentView[], columns: number): number {
  const longest = shown.reduce((most, { agent_id }) => Math.max(most, agent_id.length), 5);
  const others = Object.values(widthOf).reduce((sum, cells) => sum + cells + 1, 0);
  return Math.max(8, Math.min(longest, agentCellsMax, columns - others - 9));
}

function formatHeader({ agents, filter }: WatchState, shown: number): string {
  const online = agents.filter((agent) => agent.online).length;
  const busy = agents.filter(({ open_requests: open }) => open > 0).length;
  const counts = `${quantity(agents.length, "agent")}: ${online} online, ${agents.length - online} offline, ${busy} busy`;
  return filter === "" ? counts : `${counts}; ${shown} with "${filter}"`;
}

function headings({ sort, isReversed }: WatchState, idCells: number): string {
  const mark = (name: string) => {
    const text = name.toUpperCase();
    return name === sort ? `${text}${isReversed ? "^" : "v"}` : text;
  };
  const cells = Object.entries(widthOf).map(([name, width]) => mark(name).padEnd(width));
  return [mark("agent").padEnd(idCells), ...cells, "LATEST"].join(" ");
}

function formatRow(agent: AgentView, idCells: number, now: number): string {
  const { latency_ms: latency, last_outcome: last } = agent;
  const cells: [string | undefined, number][] = [
    [agent.agent_id, idCells],
    [formatState(agent), widthOf.state],
    [agent.cpu_usage, widthOf.cpu],
    [agent.memory_usage, widthOf.memory],
    [latency === undefined ? undefined : `${latency} ms`, widthOf.latency],
    [agent.version, widthOf.version],
    [`${agent.open_requests}`, widthOf.open],
  ];
  const fixed = cells.map(([text = "-", width]) => cut(formatLine(text), width).padEnd(width));
  const ago = last === undefined ? "-" : `${last.outcome} ${formatAge(now - Date.parse(last.at))}`;
  return [...fixed, ago].join(" ");
}

function formatDetail(agent: AgentView): string {
  const labels = Object.entries(agent.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const { agent_id, hostname, os = "", arch = "", address, last_outcome: last } = agent;
  const parts = [
    agent_id,
    hostname,
    `${os} ${arch}`.trim(),
    address,
    labels.join(","),
    last?.code,
  ].filter((part) => part !== undefined && part !== "");
  return formatLine(parts.join("  "));
}

function formatPrompt({ prompt, filter, message }: WatchState): string {
  if (prompt === "filter") return `filter: ${filter}_  (Enter keeps it, Esc clears it)`;
  if (prompt !== undefined) return `${prompt.action} ${prompt.agent}? [y/N]`;
  if (message !== "") return formatLine(message);
  return "q quit  / filter  s sort  r reverse  p ping  R restart  d drain";
}

function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}m ago`;
  return `${Math.round(seconds / 3600)}h ago`;
}

/** Formats a text of an agent as one line. */
function formatLine(text: string): string {
  return escapeControls(text).replaceAll("\n", " ");
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
