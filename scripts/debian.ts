/**
 * A Debian package of a binary that is built: with man page, completions and units, made without
 * root by `dpkg-deb`. The same binary gives the same bytes.
 *
 *   npm run deb -- --output DIR [--binary dist/wsctl] [--architecture amd64]
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import manifest from "../package.json" with { type: "json" };

const root = new URL("..", import.meta.url).pathname;
/** The time of every file: a package must not depend on when it was made. */
const epoch = "1767225600";
const maintainer = "wsctl maintainers <maintainers@wsctl.invalid>";

const completions = {
  bash: "usr/share/bash-completion/completions/wsctl",
  zsh: "usr/share/zsh/vendor-completions/_wsctl",
  fish: "usr/share/fish/vendor_completions.d/wsctl.fish",
} as const;

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
  const { version, description } = manifest;
  const tree = mkdtempSync(join(tmpdir(), "wsctl-deb-"));
  try {
    const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
      const file = join(tree, path);
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, content);
      chmodSync(file, mode);
    };
    put("usr/bin/wsctl", "", 0o755);
    copyFileSync(binary, join(tree, "usr/bin/wsctl"));
    chmodSync(join(tree, "usr/bin/wsctl"), 0o755);
    for (const [shell, path] of Object.entries(completions))
      put(path, run(binary, "completion", shell));
    for (const name of ["serve", "agent"]) {
      const unit = run(binary, "service", "print", name).replaceAll(
        /^ExecStart=\S+/gm,
        "ExecStart=/usr/bin/wsctl",
      );
      put(`usr/lib/systemd/system/wsctl-${name}.service`, unit);
    }
    const doc = "usr/share/doc/wsctl";
    put(`${doc}/copyright`, copyright());
    put(`${doc}/changelog.gz`, packed(readFileSync(join(root, "CHANGELOG.md"))));
    put("usr/share/man/man1/wsctl.1.gz", packed(readFileSync(join(root, "docs/man/wsctl.1"))));
    const bytes = readFileSync(binary).length;
    put("DEBIAN/control", control({ version, description, architecture, bytes }));
    const file = join(output, `wsctl_${version}_${architecture}.deb`);
    mkdirSync(output, { recursive: true });
    run("chmod", "-R", "u=rwX,go=rX", tree);
    run("dpkg-deb", "--root-owner-group", `-Z${compression}`, "--build", tree, file);
    return file;
  } finally {
    rmSync(tree, { recursive: true });
  }
}

interface ControlFacts {
  version: string;
  description: string;
  architecture: string;
  bytes: number;
}

function control({ version, description, architecture, bytes }: ControlFacts): string {
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

function copyright(): string {
  const license = readFileSync(join(root, "LICENSE"), "utf8").trim().split("\n");
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

/** Without a name or a time in its header, as Debian asks. */
function packed(content: Uint8Array): Uint8Array {
  return gzipSync(content, { level: 9 });
}

function run(...command: string[]): string {
  const env = { ...process.env, SOURCE_DATE_EPOCH: epoch };
  const { success, stdout, stderr } = Bun.spawnSync(command, { env });
  if (!success) throw new Error(`${command[0]} failed: ${stderr}`);
  return `${stdout}`;
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
