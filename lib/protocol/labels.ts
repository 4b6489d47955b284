/** Labels of agents: what operators, tokens and hosts say of an agent. */
import * as v from "valibot";

export type Labels = Readonly<Record<string, string>>;

/** What an agent says of itself, and its id: known by these names, which no label may have. */
export const infoNames = ["agent", "hostname", "os", "arch", "version"] as const;

export const labelsMax = 64;
/** What a label may be called, and what it may say. */
export const labelNameShape = /^(?=.{1,128}$)[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?$/i;
export const labelValueShape = /^(?=.{0,128}$)(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)?$/i;
export const selectorWords = new Set(["and", "or", "not", "in", "notin"]);

/** Labels of an agent, as `{"env": "prod"}`. */
export const LabelSet = v.pipe(
  v.record(
    v.pipe(
      v.string(),
      v.regex(labelNameShape, "must have names of letters, digits, . _ / and -"),
      v.check((name) => !isTaken(name), `must have names other than ${infoNames.join(", ")}`),
    ),
    v.pipe(
      v.string("must be a string"),
      v.regex(labelValueShape, "must be letters, digits, . _ and -"),
    ),
  ),
  v.check((labels) => Object.keys(labels).length <= labelsMax, `must be at most ${labelsMax}`),
);

function isTaken(name: string): boolean {
  return selectorWords.has(name) || (infoNames as readonly string[]).includes(name);
}
