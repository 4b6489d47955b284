/** Runs the simulator on a copy of the product with one planted fault after another. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clockMutations } from "./clockMutations.ts";
import { journalMutations, logMutations } from "./logMutations.ts";
import { type Mutation, mutations } from "./mutations.ts";

const root = new URL("../..", import.meta.url).pathname;

export const allMutations: readonly Mutation[] = [
  ...mutations,
  ...clockMutations,
  ...logMutations,
  ...journalMutations,
];

export interface Verdict {
  mutation: string;
  isCaught: boolean;
  /** The line that names the seed and what went wrong. */
  finding: string;
}

/**
 * Whether the simulator catches this fault within so many seeds.
 *
 * @param main the simulator, by default the one of a single control plane
 */
export async function tryMutation(
  mutation: Mutation,
  seeds: number,
  main = "test/sim/main.ts",
): Promise<Verdict> {
  const dir = mkdtempSync(join(tmpdir(), "wsctl-mutation-"));
  try {
    for (const part of ["lib", "package.json"])
      cpSync(join(root, part), join(dir, part), { recursive: true });
    cpSync(join(root, "test", "sim"), join(dir, "test", "sim"), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
    plant(join(dir, mutation.file), mutation);
    const output = await run(dir, [main, "--seeds", String(seeds), "--first"]);
    const finding = output.split("\n").find((line) => /^seed \d+:/.test(line));
    return { mutation: mutation.name, isCaught: finding !== undefined, finding: finding ?? output };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function plant(path: string, { find, replace, name }: Mutation): void {
  const text = readFileSync(path, "utf8");
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`"${name}": its text stands ${count} times in ${path}`);
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
}

function run(cwd: string, args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { cwd });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once("close", () => resolve(output)));
}

if (import.meta.main) {
  let missed = 0;
  for (const mutation of allMutations) {
    const verdict = await tryMutation(mutation, 4_000);
    if (!verdict.isCaught) missed++;
    console.log(`${verdict.isCaught ? "caught" : "MISSED"}  ${mutation.name}`);
    console.log(`        ${verdict.finding.slice(0, 200)}`);
  }
  console.log(`${allMutations.length - missed} caught, ${missed} missed`);
  process.exitCode = missed === 0 ? 0 : 1;
}
