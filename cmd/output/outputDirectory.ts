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
import { isRetried } from "../../lib/protocol/api/jobs.ts";
import type { OutcomeLine, OutputLine } from "../../lib/protocol/api/views.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { textCharsMax } from "../../lib/protocol/limits.ts";
import { ArtifactName } from "../../lib/protocol/names.ts";
import { isShortened, messageAfter } from "../../lib/protocol/omission.ts";
import { usage } from "../cli/strictArgs.ts";
import { formatGap, type OutputSink, type Seen } from "./liveLines.ts";
import { resultFault, storedArtifacts } from "./result.ts";
import { remark } from "./stdio.ts";

/** The end of the name of a file that lacks a part of the output. */
const incompleteSuffix = ".incomplete";
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

/** A request whose outcome has not arrived. */
interface StartedRequest {
  /** The streams that have a file. */
  streams: Set<string>;
  /** The streams whose files lack a part. */
  gaps: Set<string>;
  /** The beginning of the output of both streams, as long as a message can be. */
  seen: string;
  /** The output ended before the program did. */
  isIncomplete: boolean;
}

function newRequest(): StartedRequest {
  return { streams: new Set(), gaps: new Set(), seen: "", isIncomplete: false };
}

/** Whether the command certainly did not start, so that its message is no output. */
function isUnstarted({ outcome, code = "" }: OutcomeLine): boolean {
  return outcome !== "cancelled" && isRetried("not_started", { state: outcome, code });
}

export class OutputDirectory implements OutputSink {
  readonly #options: OutputDirectoryOptions;
  readonly #begun = new Map<string, StartedRequest>();
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
    const { stream, text, base64, skipped, incomplete } = output;
    const of = this.#begun.get(request_id) ?? newRequest();
    this.#begun.set(request_id, of);
    if (incomplete) of.isIncomplete = true;
    if (skipped !== undefined) {
      // Without a stream, both may lack something at their ends.
      for (const each of stream === undefined ? [...of.streams] : [stream]) {
        of.gaps.add(each);
        this.#append(`${agent}.${each}`, `\n[${formatGap(skipped)}]\n`);
      }
    }
    if (text === undefined && base64 === undefined) return;
    const bytes = text === undefined ? Buffer.from(base64 ?? "", "base64") : Buffer.from(text);
    of.streams.add(stream ?? "stdout");
    if (of.seen.length < textCharsMax) of.seen += text ?? bytes.toString("utf8");
    this.#append(`${agent}.${stream ?? "stdout"}`, bytes);
  }

  end(): Seen {
    return "output";
  }

  /**
   * Records the outcome. The stored message stands in place of output that was not seen, and
   * completes output that did not arrive.
   */
  outcome(line: OutcomeLine): void {
    const of = this.#begun.get(line.request_id) ?? newRequest();
    this.#begun.delete(line.request_id);
    this.#complete(line, of);
    this.#fetching.push(this.#result(line, [...of.gaps]));
  }

  #complete(line: OutcomeLine, of: StartedRequest): void {
    const { agent, message = "" } = line;
    const isSeen = of.streams.size > 0;
    if (!isSeen && message !== "" && !isUnstarted(line)) {
      this.#append(`${agent}.stdout`, `${message}\n`);
      if (isShortened(message)) of.gaps.add("stdout");
    }
    if (!isSeen || !of.isIncomplete) return;
    for (const stream of of.streams) of.gaps.add(stream);
    const isOutput = this.#options.resultName === undefined;
    const rest = isOutput ? messageAfter(message, of.seen) : "";
    const mark = `\n[… the rest of the output did not arrive; the stored message goes on: …]\n`;
    const [first = "stdout"] = of.streams;
    this.#append(`${agent}.${first}`, `${mark}${rest === "" ? "" : `${rest}\n`}`);
  }

  /** Resolves when all files are complete; false if one of them could not be fetched. */
  async close(): Promise<boolean> {
    await Promise.all(this.#fetching);
    return this.#faults === 0;
  }

  async #result(line: OutcomeLine, gaps: string[]): Promise<void> {
    const { agent, outcome, code, result, message = "" } = line;
    const faults: string[] = [];
    const missing = resultFault(result);
    if (missing !== undefined) faults.push(missing);
    try {
      for (const { artifact_id, name } of storedArtifacts(result)) {
        await this.#options.fetch(artifact_id, join(this.#options.dir, `${agent}.${name}`), agent);
      }
      await this.#take(agent, result);
    } catch (error) {
      faults.push(`cannot fetch the result: ${errorText(error)}`);
    }
    for (const stream of gaps) {
      const name = this.#nameIncomplete(`${agent}.${stream}`);
      if (name !== undefined) faults.push(`the output is incomplete: ${name}`);
    }
    const shown = faults.map((fault) => escapeControls(fault).replaceAll("\n", " "));
    for (const fault of shown) remark(`wsctl: ${agent}: ${fault}`);
    this.#faults += shown.length;
    if (outcome === "success" && shown.length === 0) this.#append(succeeded, `${agent}\n`);
    else {
      const reason = isUnstarted(line) ? escapeControls(message).replaceAll("\n", " ") : "";
      const words = [agent, outcome, code, reason, shown.join("; ")].filter(Boolean);
      this.#append(failed, `${words.join(" ")}\n`);
    }
  }

  /** Returns the new name of an incomplete file; undefined if the result has replaced the file. */
  #nameIncomplete(name: string): string | undefined {
    const path = join(this.#options.dir, name);
    if (!existsSync(path)) return undefined;
    try {
      renameSync(path, `${path}${incompleteSuffix}`);
      return `${name}${incompleteSuffix}`;
    } catch {
      // It stays under its name, which the fault names.
      return name;
    }
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
