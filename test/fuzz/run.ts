/** Runs inputs in rounds, keeps a digest of all verdicts, and stops at the first failure. */
import { errorText } from "../../lib/protocol/errors.ts";
import { Round } from "./core.ts";
import { inputOf } from "./grammar.ts";
import { verdictOf } from "./verdict.ts";

/** Inputs of one round; a round begins at every seed that is a multiple of this. */
export const roundInputs = 100;
const digestInputs = 1_000;
const shownCharsMax = 4_000;

export interface Failure {
  seed: number;
  why: string;
  /** The input, as the text of a JSON string in ASCII. */
  input: string;
  /** Repeats it, from the beginning of its round. */
  again: string;
}

export interface Report {
  inputs: number;
  /** After every thousandth input: the same for the same seeds, on every runtime. */
  digests: string[];
  /** What was met, and how often. */
  met: Map<string, number>;
  failure?: Failure;
}

export interface RunOptions {
  from: number;
  inputs: number;
  onDigest?: (done: number, digest: string) => void;
}

/** From the beginning of the round that holds the seed `from`. */
export function runInputs({ from, inputs, onDigest }: RunOptions): Report {
  const first = from - (from % roundInputs);
  const met = new Map<string, number>();
  const note = (what: string) => void met.set(what, (met.get(what) ?? 0) + 1);
  const report: Report = { inputs: 0, digests: [], met };
  let digest = 0x811c9dc5;
  let round = new Round(note);
  for (let seed = first; seed < first + inputs; seed++) {
    if (seed % roundInputs === 0) round = new Round(note);
    let text = "";
    try {
      const input = inputOf(seed);
      text = input.text;
      const verdict = verdictOf(input);
      noteVerdict(verdict, note);
      digest = added(added(digest, verdict), round.feed(input));
      if ((seed + 1) % roundInputs === 0) round.finish();
    } catch (error) {
      return { ...report, failure: failureOf(seed, first, text, error) };
    }
    if (++report.inputs % digestInputs !== 0) continue;
    const shown = (digest >>> 0).toString(16);
    report.digests.push(shown);
    onDigest?.(report.inputs, shown);
  }
  return report;
}

/** FNV-1a over the UTF-16 units. */
function added(digest: number, text: string): number {
  let sum = digest;
  for (let index = 0; index < text.length; index++) {
    sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  }
  return sum;
}

/** By side: each type that was taken, each code of a refusal. */
function noteVerdict(verdict: string, note: (what: string) => void): void {
  for (const part of verdict.slice(verdict.indexOf(" ") + 1).split(" | ")) {
    const what = /^(?:agent|control)(?: v1)? \S+|^(?:job|token) taken/.exec(part)?.[0];
    if (what !== undefined) note(what);
  }
}

function failureOf(seed: number, first: number, text: string, error: unknown): Failure {
  const from = Math.max(first, seed - (seed % roundInputs));
  const json = JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const more = json.length > shownCharsMax ? `… (${text.length} characters in all)` : "";
  return {
    seed,
    why: errorText(error),
    input: json.slice(0, shownCharsMax) + more,
    again: `bun run test/fuzz/main.ts --from ${from} --inputs ${seed - from + 1}`,
  };
}
