/**
 * The state of `wsctl watch`, and how keys change it. Pure: no terminal, control plane or clock.
 */
import type { AgentView } from "../../lib/protocol/api/views.ts";

export const sortKeys = ["agent", "state", "cpu", "memory", "latency", "version", "open"] as const;
export type SortKey = (typeof sortKeys)[number];

/** The action of a key on the selected agent. Actions that change something need confirmation. */
export type Action = "ping" | "restart" | "drain" | "undrain";

export interface WatchState {
  agents: AgentView[];
  sort: SortKey;
  isReversed: boolean;
  /** Shows agents that contain all words of this text. */
  filter: string;
  selected: string | undefined;
  /** The user types a filter, or an action waits for confirmation. */
  prompt: "filter" | { action: Action; agent: string } | undefined;
  /** The result of the last action, or why nothing can be shown. */
  message: string;
}

export type WatchEffect = { type: "quit" } | { type: "act"; action: Action; agent: string };

export const initialState: WatchState = {
  agents: [],
  sort: "agent",
  isReversed: false,
  filter: "",
  selected: undefined,
  prompt: undefined,
  message: "",
};

const blocked: Partial<Record<AgentView["access"], string>> = {
  pending: "pending approval",
  fenced: "blocked",
  revoked: "blocked",
};

export function formatState({ online, drained, access }: AgentView): string {
  return [online ? "online" : (blocked[access] ?? "offline"), ...(drained ? ["drained"] : [])].join(
    ",",
  );
}

/** Returns the agents that match the filter, sorted. */
export function shownAgents({ agents, filter, sort, isReversed }: WatchState): AgentView[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const left = agents.filter((agent) => {
    const text = searchText(agent);
    return words.every((word) => text.includes(word));
  });
  const sign = isReversed ? -1 : 1;
  return left.sort((a, b) => sign * compare(sortValue(a, sort), sortValue(b, sort)) || byId(a, b));
}

/** @param page The number of agents that fit on the screen. */
export function onKey(
  state: WatchState,
  key: string,
  page: number,
): { state: WatchState; effect?: WatchEffect } {
  const { prompt } = state;
  if (prompt === "filter") return { state: typed(state, key) };
  if (prompt !== undefined) {
    if (key !== "y") return { state: { ...state, prompt: undefined, message: "Cancelled" } };
    return { state: { ...state, prompt: undefined }, effect: { type: "act", ...prompt } };
  }
  const agent = findSelected(state);
  switch (key) {
    case "q":
    case "\x03":
      return { state, effect: { type: "quit" } };
    case "\x1b[A":
    case "k":
      return { state: moved(state, -1) };
    case "\x1b[B":
    case "j":
      return { state: moved(state, 1) };
    case "\x1b[5~":
      return { state: moved(state, -page) };
    case "\x1b[6~":
    case " ":
      return { state: moved(state, page) };
    case "\x1b[H":
    case "g":
      return { state: moved(state, Number.NEGATIVE_INFINITY) };
    case "\x1b[F":
    case "G":
      return { state: moved(state, Number.POSITIVE_INFINITY) };
    case "s":
      return { state: { ...state, sort: following(state.sort) } };
    case "r":
      return { state: { ...state, isReversed: !state.isReversed } };
    case "/":
      return { state: { ...state, prompt: "filter" } };
    case "\x1b":
      return { state: { ...state, filter: "", message: "" } };
    case "p":
      return agent === undefined
        ? { state }
        : { state, effect: { type: "act", action: "ping", agent: agent.agent_id } };
    case "R":
      return { state: asked(state, "restart", agent) };
    case "d":
      return { state: asked(state, agent?.drained ? "undrain" : "drain", agent) };
    default:
      return { state };
  }
}

/** Returns the agent that keys act on: the selected one, or the first one if that is not shown. */
export function findSelected(state: WatchState): AgentView | undefined {
  const shown = shownAgents(state);
  return shown.find(({ agent_id }) => agent_id === state.selected) ?? shown[0];
}

function asked(state: WatchState, action: Action, agent: AgentView | undefined): WatchState {
  return agent === undefined ? state : { ...state, prompt: { action, agent: agent.agent_id } };
}

function typed(state: WatchState, key: string): WatchState {
  if (key === "\r" || key === "\n") return { ...state, prompt: undefined };
  if (key === "\x1b" || key === "\x03") return { ...state, prompt: undefined, filter: "" };
  if (key === "\x7f" || key === "\b") return { ...state, filter: state.filter.slice(0, -1) };
  return /^[\x20-\x7e]+$/.test(key) ? { ...state, filter: state.filter + key } : state;
}

function moved(state: WatchState, by: number): WatchState {
  const shown = shownAgents(state);
  const at = shown.findIndex(({ agent_id }) => agent_id === state.selected);
  const next = Math.max(0, Math.min(shown.length - 1, Math.max(0, at) + by));
  const selected = shown[next]?.agent_id;
  return { ...state, ...(selected === undefined ? {} : { selected }) };
}

function following(sort: SortKey): SortKey {
  return sortKeys[(sortKeys.indexOf(sort) + 1) % sortKeys.length] ?? "agent";
}

/** Numbers are sorted with the largest first, because large values are of interest. */
function sortValue(agent: AgentView, sort: SortKey): string | number {
  switch (sort) {
    case "agent":
      return agent.agent_id;
    case "state":
      return formatState(agent);
    case "cpu":
      return -Number.parseFloat(agent.cpu_usage ?? "-1");
    case "memory":
      return -parseBytesText(agent.memory_usage ?? "");
    case "latency":
      return -(agent.latency_ms ?? -1);
    case "version":
      return agent.version ?? "";
    case "open":
      return -agent.open_requests;
    default:
      return sort satisfies never;
  }
}

function parseBytesText(text: string): number {
  const [, value = "-1", unit = "B"] = /^([\d.]+) ?([KMGT]?B)$/i.exec(text) ?? [];
  return Number(value) * 1000 ** ["B", "KB", "MB", "GB", "TB"].indexOf(unit.toUpperCase());
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byId(a: AgentView, b: AgentView): number {
  return compare(a.agent_id, b.agent_id);
}

function searchText(agent: AgentView): string {
  const labels = Object.entries(agent.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const { agent_id, hostname = "", os = "", version = "" } = agent;
  return [agent_id, formatState(agent), hostname, os, version, ...labels].join(" ").toLowerCase();
}
