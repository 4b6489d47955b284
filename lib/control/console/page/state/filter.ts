/**
 * Filters agents: by selectors, in the syntax of the command line, by state, and by words. Pure
 * functions.
 */
import {
  matches,
  parseSelector,
  replaceSaved,
  type Selector,
} from "../../../../protocol/api/selector.ts";
import type { AgentView } from "../../../../protocol/api/views.ts";
import { labelsText } from "./format.ts";

export const agentStates = [
  "online",
  "offline",
  "drained",
  "pending",
  "fenced",
  "revoked",
] as const;
export type AgentStateName = (typeof agentStates)[number];

export interface AgentFilter {
  /** Words, or a selector if it has an operator. */
  text: string;
  /** The chips: requirements that all must match. */
  selectors: readonly string[];
  state: string;
}

/** The selectors of saved targets by their names. */
export type SavedTargets = ReadonlyMap<string, string>;

export type Parsed = { selector: Selector | undefined; error: string };

/** Whether the text is meant as a selector: it has an operator of one. */
export function isSelectorText(text: string): boolean {
  return /[=!(),@]|\b(?:in|notin|and|or|not)\s/.test(text.trim());
}

/** Parses what should be a selector; the error says what is wrong. */
export function tryParse(text: string): Parsed {
  if (text.trim() === "") return { selector: undefined, error: "" };
  try {
    return { selector: parseSelector(text), error: "" };
  } catch (error) {
    return { selector: undefined, error: (error as Error).message };
  }
}

export function filterAgents(
  agents: readonly AgentView[],
  filter: AgentFilter,
  saved: SavedTargets = new Map(),
) {
  const { text, selectors, state } = filter;
  const isSelector = isSelectorText(text);
  const all = isSelector ? [...selectors, text] : selectors;
  const { selector, error } = resolve(all.map((each) => `(${each})`).join(" and "), saved);
  const words = isSelector ? [] : text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = agents.filter((agent) => {
    if (state !== "" && !hasState(agent, state)) return false;
    if (selector !== undefined && !matches(selector, (name) => field(agent, name))) return false;
    if (words.length === 0) return true;
    const { agent_id: id, hostname = "", version = "" } = agent;
    const own = `${id} ${hostname} ${version} ${labelsText(agent.labels)}`.toLowerCase();
    return words.every((word) => own.includes(word));
  });
  return { found, error };
}

/** Parses a selector and puts in what its saved targets stand for. */
function resolve(text: string, saved: SavedTargets): Parsed {
  const { selector, error } = tryParse(text);
  if (selector === undefined) return { selector, error };
  let missing = "";
  const whole = replaceSaved(selector, (name) => {
    const found = tryParse(saved.get(name) ?? "").selector;
    if (found === undefined) missing = `There is no saved target "${name}"`;
    return found ?? { all: [] };
  });
  return { selector: whole, error: missing };
}

export function hasState({ access, online, drained }: AgentView, state: string): boolean {
  if (state === "online" || state === "offline") return online === (state === "online");
  return state === "drained" ? drained === true : access === state;
}

/** The requirements of a selector that all must match, each as the text of a chip. */
export function chipsOf(text: string): string[] {
  const { selector } = tryParse(text);
  if (selector === undefined) return text.trim() === "" ? [] : [text];
  return "all" in selector ? selector.all.map(selectorText) : [selectorText(selector)];
}

function selectorText(selector: Selector): string {
  if ("all" in selector) return `(${selector.all.map(selectorText).join(",")})`;
  if ("any" in selector) return `(${selector.any.map(selectorText).join(" or ")})`;
  if ("not" in selector) return `not (${selectorText(selector.not)})`;
  if ("saved" in selector) return `@${selector.saved}`;
  const { label, operator, values } = selector;
  if (operator === "exists") return label;
  if (operator === "absent") return `!${label}`;
  if (values.length === 1) return `${label}${operator === "in" ? "=" : "!="}${values[0]}`;
  return `${label} ${operator} (${values.join(",")})`;
}

/** Joins selectors to one that a target can have. */
export function joinSelectors(selectors: readonly string[]): string {
  if (selectors.length < 2) return selectors[0] ?? "";
  return selectors.map((each) => (/\bor\b/.test(each) ? `(${each})` : each)).join(",");
}

function field(agent: AgentView, name: string): string | undefined {
  switch (name) {
    case "agent":
      return agent.agent_id;
    case "hostname":
    case "os":
    case "arch":
    case "version":
      return agent[name];
    default:
      return Object.hasOwn(agent.labels ?? {}, name) ? agent.labels?.[name] : undefined;
  }
}

/** Counts values, most frequent first. */
export function countValues(values: Iterable<string>): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}
