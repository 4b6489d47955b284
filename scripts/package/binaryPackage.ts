/** The npm packages of the binaries, one for each system: `npx wsctl` starts one of them. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const root = new URL("../..", import.meta.url).pathname;

interface System {
  os: string;
  cpu: string;
  libc?: string;
  /** The target of the release. */
  target: string;
}

/** The systems, by the name of their package behind `@wsctl/`. */
export const systems: Readonly<Record<string, System>> = {
  "linux-x64": { os: "linux", cpu: "x64", libc: "glibc", target: "bun-linux-x64-baseline" },
  "linux-arm64": { os: "linux", cpu: "arm64", libc: "glibc", target: "bun-linux-arm64" },
  "linux-x64-musl": { os: "linux", cpu: "x64", libc: "musl", target: "bun-linux-x64-musl" },
  "linux-arm64-musl": { os: "linux", cpu: "arm64", libc: "musl", target: "bun-linux-arm64-musl" },
  "darwin-x64": { os: "darwin", cpu: "x64", target: "bun-darwin-x64" },
  "darwin-arm64": { os: "darwin", cpu: "arm64", target: "bun-darwin-arm64" },
  "windows-x64": { os: "win32", cpu: "x64", target: "bun-windows-x64" },
};

/** The optional dependencies of the package: npm installs the one that fits. */
export const optionalDependencies: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(systems).map((name) => [`@wsctl/${name}`, manifest.version]),
);

/** Writes the package of a binary into a directory. */
export function writeBinaryPackage(name: string, binary: string, outdir: string): void {
  const system = systems[name];
  if (system === undefined) throw new Error(`no such system: ${name}`);
  const { os, cpu, libc } = system;
  const { version, license } = manifest;
  mkdirSync(join(outdir, "bin"), { recursive: true });
  const file = join(outdir, "bin", os === "win32" ? "wsctl.exe" : "wsctl");
  copyFileSync(binary, file);
  chmodSync(file, 0o755);
  copyFileSync(join(root, "LICENSE"), join(outdir, "LICENSE"));
  const described = {
    ...{ name: `@wsctl/${name}`, version, license },
    description: `The binary of wsctl for ${name}`,
    ...{ os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) },
  };
  writeFileSync(join(outdir, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
}
