/** The packed library in an empty project, with the examples of the documentation. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildPackage, packPackage } from "../../../scripts/package.ts";
import { emptyProject } from "../../support/fixtures/emptyProject.ts";
import { root } from "../../support/fixtures/sources.ts";
import { denoFile, temporaryDir } from "../../support/processes/processes.ts";

/** The commands that run a program on each runtime. */
export const runtimes: Readonly<Record<string, string[]>> = {
  node: [join(root, "node_modules/node22/bin/node")],
  bun: [process.execPath],
  deno: [denoFile(), "run", "-A"],
};

const examplesDir = join(root, "docs/examples");
const examples = Object.fromEntries(
  readdirSync(examplesDir)
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => [name, readFileSync(join(examplesDir, name), "utf8")]),
);

export class PackedLibrary implements Disposable {
  readonly tarball: string;
  readonly reportDir: string;
  /** A project with the examples and the programs of a test. */
  readonly project: string & Disposable;
  readonly #dir: string & Disposable;

  private constructor(dir: string & Disposable, tarball: string, programs: Record<string, string>) {
    this.#dir = dir;
    this.tarball = tarball;
    this.reportDir = join(`${dir}`, "reports");
    const files = { ...examples, ...programs };
    this.project = emptyProject({ files, links: ["zod"], tarball });
  }

  static async pack(programs: Record<string, string>): Promise<PackedLibrary> {
    const dir = temporaryDir();
    await buildPackage(join(`${dir}`, "package"), join(`${dir}`, "reports"));
    const tarball = await packPackage(join(`${dir}`, "package"), `${dir}`);
    return new PackedLibrary(dir, tarball, programs);
  }

  command(runtime: string, file: string, ...args: string[]): string[] {
    return [...(runtimes[runtime] ?? []), join(`${this.project}`, file), ...args];
  }

  [Symbol.dispose](): void {
    this.project[Symbol.dispose]();
    this.#dir[Symbol.dispose]();
  }
}
