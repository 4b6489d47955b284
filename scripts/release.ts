/**
 * A release: for each platform a binary and an archive of it, what is inside (`sbom.cdx.json`), how
 * it was built (`provenance.json`), its notes, and the hashes of it all (`SHA256SUMS`), signed. The
 * same commit gives the same bytes. A release that is larger or slower to start than the last one,
 * by more than the budget, is not signed.
 *
 *   npm run release [-- --output DIR] [--target bun-linux-x64 …] [--key FILE] [--record]
 *                   [--previous FILE]   the binary of the last release, for this machine
 *
 * By default it is written to `dist/release`.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readPrivateKey } from "../lib/protocol/keys.ts";
import { build } from "./build.ts";
import { writeArchive } from "./release/archive.ts";
import {
  compareStarts,
  exceededBytes,
  exceededStarts,
  measureBytes,
  readFigures,
  recordFigures,
} from "./release/budget.ts";
import { type Contents, readContents, version } from "./release/contents.ts";
import { releaseNotes } from "./release/notes.ts";
import { type BuiltFile, provenance, readSource } from "./release/provenance.ts";
import { sbom } from "./release/sbom.ts";

/** Old processors have their own builds, and so has the C library of Alpine. */
const allTargets = [
  ...["bun-linux-x64-baseline", "bun-linux-arm64", "bun-linux-x64-musl", "bun-linux-arm64-musl"],
  ...["bun-darwin-x64", "bun-darwin-arm64", "bun-windows-x64"],
];

/** Most of a binary is the runtime. What is added must be worth its bytes. */
const binaryBytesMax = 132_000_000;

export interface ReleaseOptions {
  output: string;
  targets: readonly string[];
  /** The file of the key that signs. */
  key?: string | undefined;
  /** Builds files that differ from the commit: for tests alone. */
  allowsChanges?: boolean;
  /** The level of gzip. */
  level?: number;
  /** The binary of the last release, with which the time to start is compared. */
  previous?: string | undefined;
  /** Takes any size, and keeps it for the comparison with the next release. */
  record?: boolean;
}

/**
 * Writes a release, and returns the text of `SHA256SUMS`.
 * @throws {Error} if files differ from the commit, or the release exceeds its budget
 */
export async function buildRelease(options: ReleaseOptions): Promise<string> {
  const { output, targets, key, previous, allowsChanges = false, record = false } = options;
  const { commit, isChanged } = readSource();
  if (isChanged && !allowsChanges) {
    throw new Error("Cannot build a release: files differ from the commit. Commit them first");
  }
  const notes = releaseNotes(version);
  mkdirSync(output, { recursive: true });
  const host = await HostBinary.build();
  const names: string[] = [];
  try {
    const contents = readContents(host.path);
    for (const target of targets) names.push(...(await buildTarget(target, contents, options)));
    const figures = measureBytes(output, names);
    if (record) recordFigures(figures);
    else requireBudget(exceededBytes(figures, readFigures()), "--record, and commit the figures");
    if (previous !== undefined) {
      const lines = exceededStarts(compareStarts(host.path, previous));
      requireBudget(lines, "no --previous, and say so in the release notes");
    }
  } finally {
    host[Symbol.dispose]();
  }
  writeFileSync(join(output, "sbom.cdx.json"), sbom());
  writeFileSync(join(output, "RELEASE_NOTES.md"), notes);
  names.push("sbom.cdx.json", "RELEASE_NOTES.md");
  for (const name of ["install.sh", "install.ps1"]) {
    copyFileSync(new URL(name, import.meta.url).pathname, join(output, name));
    names.push(name);
  }
  const digest = (name: string): BuiltFile => {
    const bytes = readFileSync(join(output, name));
    return { name, sha256: createHash("sha256").update(bytes).digest("hex") };
  };
  const files = names.map(digest);
  writeFileSync(join(output, "provenance.json"), provenance(files, { commit, targets }));
  files.push(digest("provenance.json"));
  const sums = files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join("");
  writeFileSync(join(output, "SHA256SUMS"), sums);
  if (key !== undefined) signSums(sums, key, output);
  return sums;
}

/** Returns the names of the binary and of its archive. */
async function buildTarget(
  target: string,
  contents: Contents,
  { output, level }: ReleaseOptions,
): Promise<string[]> {
  const platform = target.replace(/^bun-/, "");
  const name = `wsctl-${platform}`;
  const outfile = join(output, name);
  await build({ target, outfile });
  const file = platform.startsWith("windows") ? `${name}.exe` : name;
  const binary = join(output, file);
  const { size } = statSync(binary);
  if (size > binaryBytesMax) {
    throw new Error(`Cannot release ${file}: its ${size} bytes exceed ${binaryBytesMax}`);
  }
  const archive = await writeArchive({
    ...{ binary, platform, output, contents },
    ...(level === undefined ? {} : { level }),
  });
  return [file, archive];
}

/** A binary for this machine: the texts of the release come from it, and its start is measured. */
class HostBinary implements Disposable {
  readonly path: string;
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
    this.path = join(dir, "wsctl");
  }

  static async build(): Promise<HostBinary> {
    const host = new HostBinary(mkdtempSync(join(tmpdir(), "wsctl-release-")));
    await build({ outfile: host.path });
    return host;
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true });
  }
}

/** @param exception how to release nevertheless, after "run it with" */
function requireBudget(lines: readonly string[], exception: string): void {
  if (lines.length === 0) return;
  const fix = `Make it smaller or faster, or run it with ${exception}`;
  throw new Error(`Cannot release: over the budget. ${fix}\n${lines.join("\n")}`);
}

function signSums(sums: string, path: string, output: string): void {
  const key = readPrivateKey(readFileSync(path, "utf8"), process.env.WSCTL_PASSPHRASE);
  const signature = Buffer.from(key.sign(Buffer.from(sums))).toString("base64");
  writeFileSync(join(output, "SHA256SUMS.sig"), `${signature}\n`);
  console.log(`signed by ${key.publicKey.text}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      output: { type: "string", default: "dist/release" },
      target: { type: "string", multiple: true, default: allTargets },
      key: { type: "string" },
      previous: { type: "string" },
      record: { type: "boolean", default: false },
    },
  });
  const { output, target: targets, key, previous, record } = values;
  console.log((await buildRelease({ output, targets, key, previous, record })).trimEnd());
  if (previous === undefined) {
    console.log("The time to start was not compared: name the last release's binary by --previous");
  }
}
