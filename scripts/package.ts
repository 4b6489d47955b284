/**
 * Builds the npm package in `dist/package`: the library for Node.js, Bun and Deno, with types, and
 * the command. One file is shared by all entries, so that a class is the same class everywhere.
 *
 *   npm run package [-- --release DIR]
 *
 * With a release, the packages of its binaries are built, too.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import manifest from "../package.json" with { type: "json" };
import { optionalDependencies, systems, writeBinaryPackage } from "./package/binaryPackage.ts";
import { tool } from "./steps.ts";

const root = new URL("..", import.meta.url).pathname;

/** The entries, by their names behind `wsctl/`. */
export const packageEntries = readdirSync(join(root, "lib/package"))
  .map((file) => file.replace(/\.ts$/, ""))
  .sort();

/** Writes the package into a directory, which is emptied first, and the API reports into another. */
export async function buildPackage(outdir: string, reportDir: string): Promise<void> {
  rmSync(outdir, { recursive: true, force: true });
  for (const dir of [outdir, reportDir]) mkdirSync(dir, { recursive: true });
  const entries = packageEntries.map((name) => `lib/package/${name}.ts`);
  const bundle = ["build", ...entries, "--target=node", "--format=esm", "--splitting"];
  await run(process.execPath, ...bundle, "--packages=external", `--outdir=${outdir}`);
  for (const file of ["LICENSE", "CHANGELOG.md"])
    copyFileSync(join(root, file), join(outdir, file));
  mkdirSync(join(outdir, "bin"));
  copyFileSync(join(root, "scripts/package/wsctl.mjs"), join(outdir, "bin/wsctl.mjs"));
  copyFileSync(join(root, "docs/guides/library.md"), join(outdir, "README.md"));
  await writeTypes(outdir, reportDir);
  const written = JSON.stringify(packageManifest(outdir), null, 2);
  writeFileSync(join(outdir, "package.json"), `${written}\n`);
}

/** Writes one file with the types of each entry, and its API report. */
async function writeTypes(outdir: string, reportDir: string): Promise<void> {
  const types = join(outdir, "types");
  const emit = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly"];
  await run(tool("tsc"), "-p", "scripts/package.tsconfig.json", ...emit, "--outDir", types);
  for (const file of new Bun.Glob("**/*.d.ts").scanSync({ cwd: types, absolute: true })) {
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  }
  for (const name of packageEntries) {
    extractTypes(outdir, name, reportDir);
    const file = join(outdir, `${name}.d.ts`);
    // Programs that are compiled for an older language do not have the types of `using`.
    const lib = '/// <reference lib="esnext.disposable" />\n';
    writeFileSync(file, lib + readFileSync(file, "utf8"));
  }
  rmSync(types, { recursive: true });
}

function extractTypes(outdir: string, name: string, reportDir: string): void {
  const main = join(outdir, "types/lib/package", `${name}.d.ts`);
  const compilerOptions = {
    ...{ module: "nodenext", moduleResolution: "nodenext", target: "esnext" },
    ...{ lib: ["esnext", "dom"], skipLibCheck: true, types: [] },
  };
  const quiet = { default: { logLevel: ExtractorLogLevel.None } };
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: outdir,
      mainEntryPointFilePath: main,
      compiler: { overrideTsconfig: { compilerOptions, files: [main] } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: reportDir,
        reportTempFolder: join(outdir, "types"),
      },
      newlineKind: "lf",
      docModel: { enabled: false },
      dtsRollup: { enabled: true, untrimmedFilePath: join(outdir, `${name}.d.ts`) },
      tsdocMetadata: { enabled: false },
      messages: {
        ...{ compilerMessageReporting: quiet, tsdocMessageReporting: quiet },
        extractorMessageReporting: {
          ...quiet,
          "ae-forgotten-export": { logLevel: ExtractorLogLevel.None },
        },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, "package.json"),
  });
  const ignore = (message: { handled: boolean }) => {
    message.handled = true;
  };
  const { succeeded } = Extractor.invoke(config, { localBuild: true, messageCallback: ignore });
  if (!succeeded) throw new Error(`Cannot extract the types of wsctl/${name}`);
}

/** Only what the bundle imports is a dependency of the package. */
function packageManifest(outdir: string): object {
  const { name, version, description, license, dependencies } = manifest;
  const texts = [...new Bun.Glob("**/*.{js,d.ts}").scanSync({ cwd: outdir, absolute: true })]
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  const isUsed = ([each]: [string, string]) =>
    new RegExp(`(?:from|import) ?\\(?"${each}(?:/[^"]*)?"`).test(texts);
  return {
    ...{ name, version, description, license, type: "module" },
    engines: { node: ">=22" },
    bin: { wsctl: "bin/wsctl.mjs" },
    exports: Object.fromEntries(
      packageEntries.map((entry) => [
        `./${entry}`,
        { types: `./${entry}.d.ts`, default: `./${entry}.js` },
      ]),
    ),
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(isUsed)),
    optionalDependencies,
  };
}

/** Packs a built package and returns the path of the tarball. */
export async function packPackage(dir: string, to: string): Promise<string> {
  const name = (await run("npm", "pack", dir, "--pack-destination", to, "--silent")).trim();
  return join(to, name.split("\n").at(-1) ?? "");
}

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: root, stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed:\n${output}${errors}`);
  return output;
}

/** Packs each binary of a release, so that `npx wsctl` finds it. */
async function packBinaries(release: string, to: string): Promise<void> {
  for (const [name, { target, os }] of Object.entries(systems)) {
    const extension = os === "win32" ? ".exe" : "";
    const binary = join(release, `wsctl-${target.replace(/^bun-/, "")}${extension}`);
    if (!existsSync(binary)) continue;
    const dir = join(to, "binary-package");
    rmSync(dir, { recursive: true, force: true });
    writeBinaryPackage(name, binary, dir);
    console.log(`built ${await packPackage(dir, to)}`);
    rmSync(dir, { recursive: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { release: { type: "string" } } });
  const outdir = join(root, "dist/package");
  await buildPackage(outdir, join(root, "docs/reference/api"));
  console.log(`built ${await packPackage(outdir, join(root, "dist"))}`);
  if (values.release !== undefined) await packBinaries(values.release, join(root, "dist"));
}
