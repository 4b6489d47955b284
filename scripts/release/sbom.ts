/**
 * The bill of materials (CycloneDX 1.5): every package that is inside the binary, in its exact
 * version, with its hash from the lock file. The same lock file gives the same text.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const root = new URL("../..", import.meta.url).pathname;

interface Manifest {
  name: string;
  version: string;
  license: string;
  dependencies: Record<string, string>;
}

/** Of `bun.lock`: name and version, where from, what it needs, its hash. */
type Locked = [string, string, { dependencies?: Record<string, string> }, string];

export function sbom(): string {
  const manifest = JSON.parse(read("package.json")) as Manifest;
  const packages = lockedPackages();
  const names = closure(Object.keys(manifest.dependencies), packages);
  const components = [...names].sort().map((name) => componentOf(name, packages));
  const runtime = { type: "platform", name: "bun", version: Bun.version };
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: manifest.name,
        version: manifest.version,
        licenses: [{ license: { id: manifest.license } }],
      },
    },
    components: [runtime, ...components],
  };
  const digest = createHash("sha256").update(JSON.stringify(bom)).digest("hex");
  const parts = [8, 12, 16, 20, 32].map((end, at, all) => digest.slice(all[at - 1] ?? 0, end));
  const serialNumber = `urn:uuid:${parts.join("-")}`;
  return `${JSON.stringify({ ...bom, serialNumber }, null, 2)}\n`;
}

function lockedPackages(): Record<string, Locked> {
  // The lock file is JSON with commas behind the last of everything.
  const text = read("bun.lock").replace(/,(\s*[}\]])/g, "$1");
  return (JSON.parse(text) as { packages: Record<string, Locked> }).packages;
}

function closure(wanted: readonly string[], packages: Record<string, Locked>): Set<string> {
  const found = new Set<string>();
  const queue = [...wanted];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    const locked = packages[name];
    if (locked === undefined) throw new Error(`"${name}" is not in bun.lock`);
    found.add(name);
    queue.push(...Object.keys(locked[2].dependencies ?? {}));
  }
  return found;
}

function componentOf(name: string, packages: Record<string, Locked>) {
  const [id = "", , , integrity = ""] = packages[name] ?? [];
  const version = id.slice(id.lastIndexOf("@") + 1);
  const [, base64 = ""] = /^sha512-(.+)$/.exec(integrity) ?? [];
  const content = Buffer.from(base64, "base64").toString("hex");
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const hashes = [{ alg: "SHA-512", content }];
  return { type: "library", name, version, purl, hashes };
}

function read(file: string): string {
  return readFileSync(`${root}${file}`, "utf8");
}

if (import.meta.main) process.stdout.write(sbom());
