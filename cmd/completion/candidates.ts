/**
 * The candidates of a completion. Many of them come from hosts, and a shell inserts them unchanged,
 * so texts that are not safe in a shell are omitted.
 */
import { escapeControls } from "../../lib/escapeControls.ts";

/** The part of the word that is completed, and the text before it. */
export interface Part {
  /** The text before every candidate: `--agent=`, `web-1,`. */
  prefix: string;
  /** The prefix that candidates must have. */
  typed: string;
}

/**
 * Words without quotes, blanks, expansions and patterns, and without a special character at the
 * start.
 */
const harmless = /^@?[A-Za-z0-9_/][A-Za-z0-9._,@%+:=/-]*$/;
const candidateCharsMax = 256;
const descriptionCharsMax = 80;

export class Candidates {
  readonly #part: Part;
  readonly #found = new Map<string, string>();

  constructor(part: Part) {
    this.#part = part;
  }

  /** Adds a flag or a word of wsctl. */
  addStatic(text: string, description = ""): void {
    if (!text.startsWith(this.#part.typed) || this.#found.has(text)) return;
    this.#found.set(text, formatDescription(description));
  }

  /** Adds a word that comes from elsewhere. */
  add(text: string, description = ""): void {
    if (text.length <= candidateCharsMax && harmless.test(text)) this.addStatic(text, description);
  }

  /** Returns one line per candidate, in the order in which they were added. */
  lines(withDescriptions: boolean): string[] {
    return [...this.#found].map(([text, description]) => {
      const tail = withDescriptions && description !== "" ? `\t${description}` : "";
      return `${this.#part.prefix}${text}${tail}`;
    });
  }
}

function formatDescription(text: string): string {
  const line = escapeControls(text.slice(0, 4 * descriptionCharsMax))
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= descriptionCharsMax ? line : `${line.slice(0, descriptionCharsMax - 1)}…`;
}
