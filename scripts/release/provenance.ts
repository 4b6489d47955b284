/**
 * How a release was built: a statement in the format of in-toto (Statement v1) with the predicate
 * of SLSA (provenance v1). The same commit gives the same text.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run, version } from "./contents.ts";

const root = new URL("../..", import.meta.url).pathname;

export interface BuiltFile {
  name: string;
  sha256: string;
}

/** The commit that the release is built from, and whether files differ from it. */
export function readSource(): { commit: string; isChanged: boolean } {
  const git = (...args: string[]) => run("git", "-C", root, ...args).trim();
  const commit = git("rev-parse", "HEAD");
  return { commit, isChanged: git("status", "--porcelain", "--untracked-files=no") !== "" };
}

export function provenance(
  files: readonly BuiltFile[],
  { commit, targets }: { commit: string; targets: readonly string[] },
): string {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "bun.lock")))
    .digest("hex");
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: files.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:wsctl:release:v1",
        externalParameters: { version, targets },
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: commit } },
          { name: "bun.lock", digest: { sha256: lock } },
          { name: "bun", annotations: { version: Bun.version, revision: Bun.revision } },
        ],
      },
      runDetails: { builder: { id: "urn:wsctl:scripts/release.ts" } },
    },
  };
  return `${JSON.stringify(statement, null, 2)}\n`;
}
