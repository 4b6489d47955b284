/**
 * A Debian package of a binary that is built: with man page, completions and units, made without
 * root by `dpkg-deb`. The same binary gives the same bytes.
 *
 *   npm run deb -- --output DIR [--binary dist/wsctl] [--architecture amd64]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { description, filesBelow, maintainer, readContents, run, version } from "./contents.ts";
import { packed, writeSystemFiles } from "./systemFiles.ts";

export interface DebianOptions {
  binary: string;
  output: string;
  architecture: string;
  /** `none` is for tests: to compress takes most of the time. */
  compression?: "xz" | "none";
}

/** Returns the path of the package. */
export function buildDebian({
  binary,
  output,
  architecture,
  compression = "xz",
}: DebianOptions): string {
  const contents = readContents(binary);
  const tree = mkdtempSync(join(tmpdir(), "wsctl-deb-"));
  try {
    writeSystemFiles(tree, binary, contents, { zsh: "usr/share/zsh/vendor-completions" });
    const put = filesBelow(tree);
    const doc = "usr/share/doc/wsctl";
    put(`${doc}/copyright`, copyright(contents.license));
    put(`${doc}/changelog.gz`, packed(contents.changes));
    const bytes = readFileSync(binary).length;
    put("DEBIAN/control", control({ architecture, bytes }));
    const file = join(output, `wsctl_${version}_${architecture}.deb`);
    mkdirSync(output, { recursive: true });
    run("chmod", "-R", "u=rwX,go=rX", tree);
    run("dpkg-deb", "--root-owner-group", `-Z${compression}`, "--build", tree, file);
    return file;
  } finally {
    rmSync(tree, { recursive: true });
  }
}

function control({ architecture, bytes }: { architecture: string; bytes: number }): string {
  return `Package: wsctl
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: libc6
Section: admin
Priority: optional
Description: ${description.split(":")[0]?.toLowerCase()}
 ${description}.
 .
 The units wsctl-serve.service and wsctl-agent.service are installed and not
 enabled: settings are in /etc/wsctl/config.toml, which wsctl init writes.
`;
}

function copyright(whole: string): string {
  const license = whole.trim().split("\n");
  const text = license.map((line) => (line === "" ? " ." : ` ${line}`)).join("\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wsctl

Files: *
Copyright: the wsctl authors
License: MIT

License: MIT
${text}
`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      output: { type: "string", default: "dist" },
      binary: { type: "string", default: "dist/wsctl" },
      architecture: { type: "string", default: process.arch === "arm64" ? "arm64" : "amd64" },
    },
  });
  console.log(`built ${buildDebian(values)}`);
}
