/**
 * `send --output DIR`: what every agent wrote as it is, a file for each agent and stream, large
 * results as files of their own, and two lists of the agents that succeeded and of those that did
 * not.
 */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { escapeControls } from "../../lib/escapeControls.ts";
import type { OutcomeLine, OutputLine } from "../../lib/protocol/api/views.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { ArtifactName } from "../../lib/protocol/names.ts";
import { usage } from "../cli/strictArgs.ts";
import type { OutputSink } from "./liveLines.ts";
import { remark } from "./stdio.ts";

const succeeded = "succeeded";
const failed = "failed";

/** What a large result says of itself. */
const Stored = v.object({
  artifact: v.object({ artifact_id: v.string(), name: ArtifactName }),
});
/** What a result says that came as the output itself. */
const Inline = v.object({ bytes: v.number(), sha256: v.string() });

export interface OutputDirectoryOptions {
  dir: string;
  /**
   * The file of a result that is the output itself, behind the agent's id; none for most commands.
   */
  resultName: string | undefined;
  /** Gets an artifact onto the disk, checked. */
  fetch(artifactId: string, path: string, agent: string): Promise<void>;
}

export class OutputDirectory implements OutputSink {
  readonly #options: OutputDirectoryOptions;
  readonly #begun = new Set<string>();
  readonly #fetching: Promise<void>[] = [];
  /** Files that could not be written, of which this was said. */
  readonly #broken = new Set<string>();
  /** What could not be put here. */
  #faults = 0;

  /** Throws `USAGE` where nothing can be written there, or where there is something already. */
  constructor(options: OutputDirectoryOptions) {
    this.#options = options;
    const { dir } = options;
    try {
      mkdirSync(dir, { recursive: true });
      // What an earlier job left is not mixed with this one's.
      const [left] = readdirSync(dir);
      if (left !== undefined) throw Object.assign(new Error(left), { code: "EEXIST" });
      for (const list of [succeeded, failed]) writeFileSync(join(dir, list), "", { flag: "wx" });
    } catch (error) {
      const isUsed = (error as NodeJS.ErrnoException).code === "EEXIST";
      const why = isUsed ? "there is something in it already; name a new one" : errorText(error);
      throw usage(`Flag --output: cannot write to "${dir}": ${why}`);
    }
  }

  piece({ request_id, agent, output }: OutputLine): void {
    const { stream = "stdout", text, base64, skipped, incomplete } = output;
    this.#begun.add(request_id);
    const bytes = text === undefined ? Buffer.from(base64 ?? "", "base64") : Buffer.from(text);
    const isWhole = skipped === undefined && !incomplete;
    const mark = isWhole ? "" : "\n[… output is missing here …]\n";
    this.#append(`${agent}.${stream}`, Buffer.concat([Buffer.from(mark), bytes]));
  }

  end(requestId: string): boolean {
    return this.#begun.delete(requestId);
  }

  /** Notes how it ended; what an agent without live output had to say goes where output would. */
  outcome(line: OutcomeLine, wasSeen: boolean): void {
    const { agent, message = "" } = line;
    if (!wasSeen && message !== "") this.#append(`${agent}.stdout`, `${message}\n`);
    this.#fetching.push(this.#result(line));
  }

  /** Resolves once everything is here; false where something could not be had. */
  async close(): Promise<boolean> {
    await Promise.all(this.#fetching);
    return this.#faults === 0;
  }

  async #result({ agent, outcome, code, result }: OutcomeLine): Promise<void> {
    let fault: string | undefined;
    try {
      await this.#take(agent, result);
    } catch (error) {
      this.#faults++;
      fault = escapeControls(errorText(error)).replaceAll("\n", " ");
      remark(`wsctl: ${agent}: its result could not be fetched: ${fault}`);
    }
    if (outcome === "success" && fault === undefined) this.#append(succeeded, `${agent}\n`);
    else this.#append(failed, `${[agent, outcome, code, fault].filter(Boolean).join(" ")}\n`);
  }

  async #take(agent: string, result: unknown): Promise<void> {
    const { dir, resultName, fetch } = this.#options;
    const output = join(dir, `${agent}.stdout`);
    if (v.is(Stored, result)) {
      const { artifact_id, name } = result.artifact;
      await fetch(artifact_id, join(dir, `${agent}.${name}`), agent);
      // What was seen of it while it went on is in there too.
      if (resultName === name) rmSync(output, { force: true });
    } else if (resultName !== undefined && v.is(Inline, result)) {
      const bytes = existsSync(output) ? readFileSync(output) : Buffer.alloc(0);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      if (sha256 !== result.sha256) throw new Error("its SHA-256 is another one");
      if (bytes.length > 0) renameSync(output, join(dir, `${agent}.${resultName}`));
      else writeFileSync(join(dir, `${agent}.${resultName}`), bytes);
    }
  }

  /** The job goes on whatever becomes of this directory: the fault is said, and counts. */
  #append(name: string, content: Uint8Array | string): void {
    const path = join(this.#options.dir, name);
    try {
      appendFileSync(path, content);
    } catch (error) {
      this.#faults++;
      if (this.#broken.has(name)) return;
      this.#broken.add(name);
      remark(`wsctl: cannot write to "${path}", which is incomplete: ${errorText(error)}`);
    }
  }
}
