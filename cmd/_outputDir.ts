/**
 * `send --output DIR`: what every agent wrote as it is, a file for each agent and stream, and two
 * lists of the agents that succeeded and of those that did not.
 */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OutcomeLine, OutputLine } from "../lib/protocol/api.ts";
import { errorText } from "../lib/protocol/errors.ts";
import { usage } from "./_args.ts";
import type { OutputSink } from "./_live.ts";

const succeeded = "succeeded";
const failed = "failed";

export class OutputDir implements OutputSink {
  readonly #dir: string;
  readonly #begun = new Set<string>();

  /** Throws `USAGE` where nothing can be written there, or where there is something already. */
  constructor(dir: string) {
    this.#dir = dir;
    try {
      mkdirSync(dir, { recursive: true });
      // What an earlier job left is not mixed with this one's.
      for (const list of [succeeded, failed]) writeFileSync(join(dir, list), "", { flag: "wx" });
    } catch (error) {
      const isUsed = (error as NodeJS.ErrnoException).code === "EEXIST";
      const why = isUsed ? "it has the output of another job; name a new one" : errorText(error);
      throw usage(`Flag --output: cannot write to "${dir}": ${why}`);
    }
  }

  get path(): string {
    return this.#dir;
  }

  piece({ request_id, agent, output }: OutputLine): void {
    const { stream = "stdout", text, base64, skipped } = output;
    this.#begun.add(request_id);
    const bytes = text === undefined ? Buffer.from(base64 ?? "", "base64") : Buffer.from(text);
    const mark = skipped === undefined ? "" : "\n[… output is missing here …]\n";
    this.#append(`${agent}.${stream}`, Buffer.concat([Buffer.from(mark), bytes]));
  }

  end(requestId: string): boolean {
    return this.#begun.delete(requestId);
  }

  /** Notes how it ended; what an agent without live output had to say goes where output would. */
  outcome({ agent, outcome, code, message }: OutcomeLine, wasSeen: boolean): void {
    if (!wasSeen && message !== undefined) this.#append(`${agent}.stdout`, `${message}\n`);
    if (outcome === "success") this.#append(succeeded, `${agent}\n`);
    else this.#append(failed, `${[agent, outcome, code].filter(Boolean).join(" ")}\n`);
  }

  #append(name: string, content: Uint8Array | string): void {
    appendFileSync(join(this.#dir, name), content);
  }
}
