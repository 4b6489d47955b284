/**
 * Label selectors in the syntax of Kubernetes: `env=prod,role in (web,api),!canary`. All parts must
 * hold. `=` and `==` are the same; `!=` and `notin` also hold where there is no such label.
 */
import * as v from "valibot";
import { WsctlError } from "./errors.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Requirement {
  label: string;
  operator: "in" | "notin" | "exists" | "absent";
  values: readonly string[];
}

export type Selector = readonly Requirement[];

const selectorCharsMax = 1_024;
export const labelsMax = 64;
const nameShape = /^(?=.{1,128}$)[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?$/i;
const valueShape = /^(?=.{0,128}$)(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)?$/i;
const part =
  /^\s*(?:(?<absent>!)\s*(?<gone>[^\s,()!=]+)|(?<label>[^\s,()!=]+)(?:\s+(?<set>in|notin)\s*\((?<list>[^()]*)\)|\s*(?<sign>==|=|!=)\s*(?<value>[^\s,()!=]*))?)\s*(?:,|$)/;

/** Throws `MALFORMED` naming the part that is wrong. */
export function parseSelector(text: string): Selector {
  if (text.length > selectorCharsMax)
    throw wrong(text, `it is over ${selectorCharsMax} characters`);
  const found: Requirement[] = [];
  let rest = text;
  do {
    const match = part.exec(rest);
    const groups = match?.groups;
    if (match === null || groups === undefined) throw wrong(rest, "it is no requirement");
    found.push(requirementOf(groups));
    rest = rest.slice(match[0].length);
    if (match[0].endsWith(",") && rest.trim() === "")
      throw wrong(text, "nothing follows its comma");
  } while (rest !== "");
  return found;
}

export function matches(selector: Selector, labels: Labels): boolean {
  return selector.every(({ label, operator, values }) => {
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (operator === "exists") return value !== undefined;
    if (operator === "absent") return value === undefined;
    const isAmong = value !== undefined && values.includes(value);
    return operator === "in" ? isAmong : !isAmong;
  });
}

function requirementOf(groups: Record<string, string | undefined>): Requirement {
  const { absent, gone, label = "", set, list = "", sign, value = "" } = groups;
  if (absent !== undefined) return { label: named(gone ?? ""), operator: "absent", values: [] };
  if (set === "in" || set === "notin") {
    const values = list.split(",").map((each) => valued(each.trim()));
    return { label: named(label), operator: set, values };
  }
  if (sign === undefined) return { label: named(label), operator: "exists", values: [] };
  return { label: named(label), operator: sign === "!=" ? "notin" : "in", values: [valued(value)] };
}

function named(label: string): string {
  if (nameShape.test(label)) return label;
  throw wrong(label, 'a label is letters and digits, with ".", "_", "/" or "-" between them');
}

function valued(value: string): string {
  if (valueShape.test(value)) return value;
  throw wrong(value, 'a value is letters and digits, with ".", "_" or "-" between them, or empty');
}

function wrong(text: string, rule: string): WsctlError {
  const shown = JSON.stringify(text.slice(0, 80));
  const example = '"env=prod,role in (web,api),!canary"';
  return new WsctlError("MALFORMED", `Cannot read ${shown} of a selector: ${rule}; try ${example}`);
}

/** Labels of an agent, as `{"env": "prod"}`. */
export const LabelSet = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(nameShape, "must have names of letters, digits, . _ / and -")),
    v.pipe(v.string("must be a string"), v.regex(valueShape, "must be letters, digits, . _ and -")),
  ),
  v.check((labels) => Object.keys(labels).length <= labelsMax, `must be at most ${labelsMax}`),
);

/** A selector as it travels: its text. */
export const SelectorText = v.pipe(
  v.string("must be a string"),
  v.check((text) => {
    try {
      return parseSelector(text).length > 0;
    } catch (error) {
      if (error instanceof WsctlError) return false;
      throw error;
    }
  }, 'must be a label selector such as "env=prod,role in (web,api),!canary"'),
);
