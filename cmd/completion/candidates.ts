/**
 * What a shell may be offered. Much of it comes from hosts, and a shell puts it on a command line
 * as it stands: whatever is not plainly harmless there is left out.
 */
import { escapeControls } from "../../lib/escapeControls.ts";

/** Which part of the word is being written, and what stands before that part. */
export interface Part {
  /** Kept in front of every candidate: `--agent=`, `web-1,`. */
  prefix: string;
  /** What candidates must begin with. */
  typed: string;
}

/** No quotes, blanks, expansions or patterns; nothing at the start that a shell or we give meaning. */
const harmless = /^[A-Za-z0-9_/][A-Za-z0-9._,@%+:=/-]*$/;
const candidateCharsMax = 256;
const descriptionCharsMax = 80;

export class Candidates {
  readonly #part: Part;
  readonly #found = new Map<string, string>();

  constructor(part: Part) {
    this.#part = part;
  }

  /** Of flags and words of ours. */
  addStatic(text: string, description = ""): void {
    if (!text.startsWith(this.#part.typed) || this.#found.has(text)) return;
    this.#found.set(text, formatDescription(description));
  }

  /** Of whatever others have named. */
  add(text: string, description = ""): void {
    if (text.length <= candidateCharsMax && harmless.test(text)) this.addStatic(text, description);
  }

  /** One line each, in the order in which they came. */
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
