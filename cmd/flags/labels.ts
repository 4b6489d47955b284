/** Parses labels of the command line. */
import * as v from "valibot";
import { LabelSet, type Labels } from "../../lib/protocol/labels.ts";
import { formatIssue } from "../../lib/protocol/schemaError.ts";
import { usage } from "../cli/strictArgs.ts";

/**
 * Parses `KEY=VALUE` pairs.
 * @throws {WsctlError} USAGE with the invalid pair.
 */
export function parseLabels(pairs: readonly string[]): Labels {
  const labels: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw usage(`Flag --label is "${pair}": expected KEY=VALUE`);
    const key = pair.slice(0, at);
    if (key in labels) throw usage(`Flag --label names "${key}" twice`);
    labels[key] = pair.slice(at + 1);
  }
  return checked({ ...labels });
}

/**
 * Parses changes: `KEY=VALUE` sets a label, `KEY-` removes it.
 * @throws {WsctlError} USAGE with the invalid change.
 */
export function parseLabelChanges(words: readonly string[]): Record<string, string | null> {
  const gone = words.filter((word) => word.endsWith("-") && !word.includes("="));
  const set = parseLabels(words.filter((word) => !gone.includes(word)));
  return { ...set, ...Object.fromEntries(gone.map((word) => [word.slice(0, -1), null])) };
}

function checked(labels: Labels): Labels {
  const parsed = v.safeParse(LabelSet, labels);
  if (parsed.success) return parsed.output;
  throw usage(`Labels: ${formatIssue(parsed.issues[0])}`);
}
