/** Keeps what agents offer to `wsctl pull`: one directory for each agent. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { extract } from "tar";
import * as v from "valibot";
import { escapeControls } from "../../lib/escapeControls.ts";
import type { OutcomeLine } from "../../lib/protocol/api/views.ts";
import { errorText } from "../../lib/protocol/errors.ts";
import { ArtifactName } from "../../lib/protocol/names.ts";
import { usage } from "../cli/strictArgs.ts";
import { remark } from "../output/stdio.ts";

/** The result of `pull_files`, from an agent that is not trusted. */
const Offered = v.object({
  artifact: v.object({ artifact_id: v.string(), name: ArtifactName }),
  archive: v.boolean(),
  left_out: v.optional(v.number()),
});

export class PulledFiles {
  readonly #dir: string;
  readonly #fetch: (artifactId: string, path: string, agent: string) => Promise<void>;
  readonly #fetching: Promise<void>[] = [];
  #faults = 0;

  /**
   * @param fetch Downloads an artifact and verifies it.
   * @throws {WsctlError} USAGE if the directory cannot be created.
   */
  constructor(
    dir: string,
    fetch: (artifactId: string, path: string, agent: string) => Promise<void>,
  ) {
    this.#dir = dir;
    this.#fetch = fetch;
    try {
      mkdirSync(dir, { recursive: true });
    } catch (error) {
      throw usage(`Flag --to: cannot write to "${dir}": ${errorText(error)}`);
    }
  }

  outcome(line: OutcomeLine): void {
    if (line.outcome === "success") this.#fetching.push(this.#keep(line));
  }

  /** Resolves when all files are complete; false if one of them could not be kept. */
  async close(): Promise<boolean> {
    await Promise.all(this.#fetching);
    return this.#faults === 0;
  }

  async #keep({ agent, result }: OutcomeLine): Promise<void> {
    try {
      const offered = v.safeParse(Offered, result);
      if (!offered.success) throw new Error("the agent sent no file");
      const { artifact, archive, left_out: leftOut = 0 } = offered.output;
      const dir = join(this.#dir, agent);
      mkdirSync(dir, { recursive: true });
      const path = join(dir, artifact.name);
      await this.#fetch(artifact.artifact_id, path, agent);
      const what = archive ? await unpack(path, dir) : path;
      const rest = leftOut === 0 ? "" : ` (${leftOut} links or special files left out)`;
      remark(`${agent}: ${what}${rest}`);
    } catch (error) {
      this.#faults++;
      const reason = escapeControls(errorText(error));
      remark(`wsctl: Cannot keep the files of agent "${agent}" in "${this.#dir}": ${reason}`);
    }
  }
}

/** Unpacks beside the archive, and replaces an earlier directory only by a whole one. */
async function unpack(archive: string, dir: string): Promise<string> {
  const tree = `${archive}.unpacked`;
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree);
  await extract({
    file: archive,
    cwd: tree,
    strict: true,
    filter: (_path, entry) => {
      return "type" in entry && ["File", "OldFile", "Directory"].includes(entry.type);
    },
  });
  const [name] = readdirSync(tree);
  if (name === undefined) throw new Error("the archive is empty");
  const path = join(dir, name);
  if (existsSync(path)) rmSync(path, { recursive: true });
  renameSync(join(tree, name), path);
  rmSync(tree, { recursive: true });
  rmSync(archive);
  return `${path}/`;
}
