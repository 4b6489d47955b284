/**
 * Selectors of agents, a superset of Kubernetes label selectors: requirements on labels and facts,
 * joined by `and`, `or`, `not` and parentheses. A comma means `and`.
 *
 * env=prod,role in (web,api),!canary     (env=prod or env=staging) and not hostname=db-*
 *
 * `@web` stands for the saved target of this name.
 *
 * `=` and `==` are equal; `!=` and `notin` also match if the label does not exist. In a value, `*`
 * matches any text and `?` one character. `and` binds tighter than `or`.
 */
import * as v from "valibot";
import { WsctlError } from "../errors.ts";
import { infoNames, labelNameShape, labelValueShape, selectorWords } from "../labels.ts";
import { hasWildcard, matchesWildcard } from "../wildcard.ts";

export interface Requirement {
  label: string;
  operator: "in" | "notin" | "exists" | "absent";
  values: readonly string[];
}

export type Selector =
  | Requirement
  | { saved: string }
  | { all: readonly Selector[] }
  | { any: readonly Selector[] }
  | { not: Selector };

const selectorCharsMax = 1_024;
const depthMax = 32;
/** In all values together, because each is matched against every agent. */
const starsMax = 32;
const patternShape = /^[a-z0-9._*?-]{1,128}$/i;
const token = /\s*(==|!=|[=!(),]|[^\s=!(),]+)/y;

/**
 * Parses a selector. The error names the invalid part.
 *
 * @throws {WsctlError} MALFORMED
 */
export function parseSelector(text: string): Selector {
  if (text.length > selectorCharsMax) {
    throw wrong(text, `it is over ${selectorCharsMax} characters`);
  }
  if (text.split("*").length - 1 > starsMax) {
    throw wrong(text, `it has "*" more than ${starsMax} times`);
  }
  return new Parser(text).whole();
}

/** @param value Returns the value of a label or fact; undefined if it does not exist. */
export function matches(selector: Selector, value: (name: string) => string | undefined): boolean {
  if ("all" in selector) return selector.all.every((each) => matches(each, value));
  if ("any" in selector) return selector.any.some((each) => matches(each, value));
  if ("not" in selector) return !matches(selector.not, value);
  // It was replaced by `replaceSaved`.
  if ("saved" in selector) return false;
  const found = value(selector.label);
  switch (selector.operator) {
    case "exists":
      return found !== undefined;
    case "absent":
      return found === undefined;
    default: {
      const isAmong = found !== undefined && selector.values.some((each) => fits(each, found));
      return selector.operator === "in" ? isAmong : !isAmong;
    }
  }
}

/** Returns the distinct names of labels and facts in a selector. */
export function namesIn(selector: Selector): string[] {
  if ("not" in selector) return namesIn(selector.not);
  if ("saved" in selector) return [];
  if ("label" in selector) return [selector.label];
  const parts = "all" in selector ? selector.all : selector.any;
  return [...new Set(parts.flatMap(namesIn))];
}

/** Returns the distinct names of saved targets in a selector. */
export function savedIn(selector: Selector): string[] {
  if ("not" in selector) return savedIn(selector.not);
  if ("saved" in selector) return [selector.saved];
  if ("label" in selector) return [];
  const parts = "all" in selector ? selector.all : selector.any;
  return [...new Set(parts.flatMap(savedIn))];
}

/** Replaces saved targets by their selectors. @param find Returns the selector, or throws. */
export function replaceSaved(selector: Selector, find: (name: string) => Selector): Selector {
  if ("saved" in selector) return find(selector.saved);
  if ("not" in selector) return { not: replaceSaved(selector.not, find) };
  if ("all" in selector) return { all: selector.all.map((each) => replaceSaved(each, find)) };
  if ("any" in selector) return { any: selector.any.map((each) => replaceSaved(each, find)) };
  return selector;
}

function fits(wanted: string, found: string): boolean {
  return hasWildcard(wanted) ? matchesWildcard(wanted, found) : wanted === found;
}

/** A recursive-descent parser with one method for each level of precedence. */
class Parser {
  readonly #text: string;
  readonly #tokens: { text: string; at: number }[] = [];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    token.lastIndex = 0;
    for (;;) {
      const match = token.exec(text);
      if (match?.[1] === undefined) break;
      this.#tokens.push({ text: match[1], at: token.lastIndex - match[1].length });
    }
  }

  whole(): Selector {
    const selector = this.#any();
    if (this.#peek() !== undefined) throw this.#wrong("an unexpected token follows");
    return selector;
  }

  #any(): Selector {
    const parts = [this.#all()];
    while (this.#takes("or")) parts.push(this.#all());
    return parts.length === 1 ? (parts[0] as Selector) : { any: parts };
  }

  #all(): Selector {
    const parts = [this.#not()];
    while (this.#takes(",") || this.#takes("and")) parts.push(this.#not());
    return parts.length === 1 ? (parts[0] as Selector) : { all: parts };
  }

  #not(): Selector {
    if (++this.#depth > depthMax) throw this.#wrong(`it is nested deeper than ${depthMax} levels`);
    try {
      if (this.#takes("not")) return { not: this.#not() };
      if (!this.#takes("(")) return this.#requirement();
      const inner = this.#any();
      if (!this.#takes(")")) throw this.#wrong("a parenthesis is not closed");
      return inner;
    } finally {
      this.#depth--;
    }
  }

  #requirement(): Requirement | { saved: string } {
    if (this.#peek()?.startsWith("@")) return { saved: this.#saved() };
    if (this.#takes("!")) return { label: this.#name(), operator: "absent", values: [] };
    const label = this.#name();
    if (this.#takes("=") || this.#takes("==")) {
      return { label, operator: "in", values: [this.#value()] };
    }
    if (this.#takes("!=")) return { label, operator: "notin", values: [this.#value()] };
    if (this.#takes("in")) return { label, operator: "in", values: this.#values() };
    if (this.#takes("notin")) return { label, operator: "notin", values: this.#values() };
    return { label, operator: "exists", values: [] };
  }

  #values(): string[] {
    if (!this.#takes("(")) throw this.#wrong("expected a list in parentheses");
    const values = [this.#value()];
    while (this.#takes(",")) values.push(this.#value());
    if (!this.#takes(")")) throw this.#wrong("a parenthesis is not closed");
    return values;
  }

  #saved(): string {
    const name = this.#peek()?.slice(1) ?? "";
    if (!labelNameShape.test(name))
      throw this.#wrong("@ must be followed by the name of a saved target");
    this.#next++;
    return name;
  }

  #name(): string {
    const name = this.#peek();
    if (name === undefined) throw this.#wrong("it ends before a label");
    if (selectorWords.has(name) || !labelNameShape.test(name)) {
      throw this.#wrong('a label is letters and digits, with ".", "_", "/" or "-" between them');
    }
    this.#next++;
    return name;
  }

  /** The empty value is valid: it matches a label with an empty value. */
  #value(): string {
    const value = this.#peek();
    if (value === undefined || [",", ")", "and", "or"].includes(value)) return "";
    if (!labelValueShape.test(value) && !(hasWildcard(value) && patternShape.test(value))) {
      throw this.#wrong(
        'a value is letters and digits, with ".", "_" or "-" between them, * and ?, or empty',
      );
    }
    this.#next++;
    return value;
  }

  #takes(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next++;
    return true;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]?.text;
  }

  #wrong(rule: string): WsctlError {
    const at = this.#tokens[this.#next]?.at;
    return wrong(at === undefined ? this.#text : this.#text.slice(at), rule);
  }
}

function wrong(text: string, rule: string): WsctlError {
  const shown = JSON.stringify(text.slice(0, 80));
  const example = '"env=prod,role in (web,api),!canary"';
  return new WsctlError(
    "MALFORMED",
    `Cannot parse ${shown} in selector: ${rule}. Example: ${example}`,
  );
}

/** A selector as text, as it is transmitted. */
export const SelectorText = v.pipe(
  v.string("must be a string"),
  v.check(
    (text) => parseCached(text) !== undefined,
    ({ input }) => `must be a selector: ${checkSelector(input)}`,
  ),
);

/**
 * The selector of a restricted token. It must not use facts that agents report, because an agent
 * could change its own scope with them.
 */
export const ScopeText = v.pipe(
  SelectorText,
  v.check((text) => {
    const selector = parseCached(text);
    const names: readonly string[] = selector === undefined ? [] : namesIn(selector);
    if (selector !== undefined && savedIn(selector).length > 0) return false;
    return infoNames.every((fact) => fact === "agent" || !names.includes(fact));
  }, "must not use hostname, os, arch or version, which the agent reports itself, or a saved target"),
);

function checkSelector(text: string): string {
  try {
    parseSelector(text);
    return "it is valid";
  } catch (error) {
    return (error as Error).message;
  }
}

function parseCached(text: string): Selector | undefined {
  try {
    return parseSelector(text);
  } catch (error) {
    if (error instanceof WsctlError) return undefined;
    throw error;
  }
}
