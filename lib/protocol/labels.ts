/** Labels of agents, set by operators, tokens and hosts. */
import * as v from "valibot";

export type Labels = Readonly<Record<string, string>>;

/** The facts that an agent reports, and its id. Labels must not have these names. */
export const infoNames = ["agent", "hostname", "os", "arch", "version"] as const;

export const labelsMax = 64;
/** The valid names and values of labels. */
export const labelNameShape = /^(?=.{1,128}$)[a-z0-9](?:[a-z0-9._/-]*[a-z0-9])?$/i;
export const labelValueShape = /^(?=.{0,128}$)(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)?$/i;
export const selectorWords = new Set(["and", "or", "not", "in", "notin"]);

/** Labels of an agent, such as `{"env": "prod"}`. */
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
