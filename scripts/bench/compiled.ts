/** A program of one line, compiled as wsctl is: what the runtime alone costs. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The file of the program. */
export function compiled(dir: string, code: string): string {
  const [source, file] = [join(dir, "line.ts"), join(dir, "line")];
  writeFileSync(source, `${code}\n`);
  const how = ["--compile", "--minify", "--bytecode", "--format=esm", `--outfile=${file}`];
  const { status, stderr } = spawnSync(process.execPath, ["build", source, ...how], { cwd: dir });
  if (status !== 0) throw new Error(`cannot build a line: ${stderr}`);
  return file;
}
