/**
 * `send --output DIR`: writes the output of every agent into a file per stream, large results into
 * separate files, and the lists of agents that succeeded and that did not.
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

/** The fields of a result that is stored as an artifact. */
const Stored = v.object({
  artifact: v.object({ artifact_id: v.string(), name: ArtifactName }),
});
/** The fields of a result that is the output itself. */
const Inline = v.object({ bytes: v.number(), sha256: v.string() });

export interface OutputDirectoryOptions {
  dir: string;
  /**
   * The file name of a result that is the output itself, after the agent's id; undefined for most
   * commands.
   */
  resultName: string | undefined;
  /** Downloads an artifact and verifies it. */
  fetch(artifactId: string, path: string, agent: string): Promise<void>;
}

export class OutputDirectory implements OutputSink {
  readonly #options: OutputDirectoryOptions;
  readonly #begun = new Set<string>();
  readonly #fetching: Promise<void>[] = [];
  /** Files that could not be written, and were reported. */
  readonly #broken = new Set<string>();
  /** The number of results that could not be stored here. */
  #faults = 0;

  /** @throws {WsctlError} USAGE if the directory is not writable, or not empty. */
  constructor(options: OutputDirectoryOptions) {
    this.#options = options;
    const { dir } = options;
    try {
      mkdirSync(dir, { recursive: true });
      // Files of an earlier job must not be mixed with those of this job.
      const [left] = readdirSync(dir);
      if (left !== undefined) throw Object.assign(new Error(left), { code: "EEXIST" });
      for (const list of [succeeded, failed]) writeFileSync(join(dir, list), "", { flag: "wx" });
    } catch (error) {
      const isUsed = (error as NodeJS.ErrnoException).code === "EEXIST";
      const why = isUsed ? "it is not empty. Specify a new directory" : errorText(error);
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

  /**
   * Records the outcome. The message of an agent without live output is written in place of the
   * output.
   */
  outcome(line: OutcomeLine, wasSeen: boolean): void {
    const { agent, message = "" } = line;
    if (!wasSeen && message !== "") this.#append(`${agent}.stdout`, `${message}\n`);
    this.#fetching.push(this.#result(line));
  }

  /** Resolves when all files are complete; false if one of them could not be fetched. */
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
      remark(`wsctl: ${agent}: cannot fetch the result: ${fault}`);
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
      // The file contains the output that was followed.
      if (resultName === name) rmSync(output, { force: true });
    } else if (resultName !== undefined && v.is(Inline, result)) {
      const bytes = existsSync(output) ? readFileSync(output) : Buffer.alloc(0);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      if (sha256 !== result.sha256) throw new Error("its SHA-256 does not match");
      if (bytes.length > 0) renameSync(output, join(dir, `${agent}.${resultName}`));
      else writeFileSync(join(dir, `${agent}.${resultName}`), bytes);
    }
  }

  /** The job continues in any case: the fault is reported, and counts for the exit status. */
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
