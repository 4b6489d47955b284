/**
 * An RPM package of a binary that is built: with man page, completions and units, made without root
 * by `rpmbuild`. The same binary gives the same bytes.
 *
 *   npm run rpm -- --output DIR [--binary dist/wsctl] [--architecture x86_64]
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  description,
  epoch,
  filesBelow,
  maintainer,
  readContents,
  run,
  version,
} from "./contents.ts";
import { writeSystemFiles } from "./systemFiles.ts";

export interface RpmOptions {
  binary: string;
  output: string;
  architecture: string;
  /** `none` is for tests: to compress takes most of the time. */
  compression?: "zstd" | "none";
}

/** Returns the path of the package. */
export function buildRpm(options: RpmOptions): string {
  const { binary, output, architecture, compression = "zstd" } = options;
  const contents = readContents(binary);
  const top = mkdtempSync(join(tmpdir(), "wsctl-rpm-"));
  try {
    const tree = join(top, "tree");
    writeSystemFiles(tree, binary, contents, { zsh: "usr/share/zsh/site-functions" });
    const put = filesBelow(tree);
    put("usr/share/licenses/wsctl/LICENSE", contents.license);
    put("usr/share/doc/wsctl/CHANGELOG.md", contents.changes);
    run("chmod", "-R", "u=rwX,go=rX", tree);
    const spec = join(top, "wsctl.spec");
    writeFileSync(spec, specOf(tree));
    const payload = compression === "none" ? "w0.ufdio" : "w9.zstdio";
    const defines = {
      _topdir: top,
      _binary_payload: payload,
      // Nothing of the machine that builds it.
      ...{ _buildhost: "localhost", use_source_date_epoch_as_buildtime: "1" },
      clamp_mtime_to_source_date_epoch: "1",
    };
    const flags = Object.entries(defines).flatMap(([name, value]) => ["-D", `${name} ${value}`]);
    run("rpmbuild", "-bb", "--quiet", "--target", architecture, ...flags, spec);
    const [name = ""] = readdirSync(join(top, "RPMS", architecture));
    mkdirSync(output, { recursive: true });
    const file = join(output, name);
    copyFileSync(join(top, "RPMS", architecture, name), file);
    return file;
  } finally {
    rmSync(top, { recursive: true });
  }
}

/** The binary is a runtime with its program behind it: it must not be stripped. */
function specOf(tree: string): string {
  const day = new Date(epoch * 1000)
    .toUTCString()
    .replace(/^(\w+), (\d+) (\w+) (\d+).*/, "$1 $3 $2 $4");
  return `%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
Name: wsctl
Version: ${version}
Release: 1
Summary: ${description.split(":")[0]}
License: MIT
AutoReqProv: no
Requires: glibc
%description
${description}.

The units wsctl-serve.service and wsctl-agent.service are installed and not
enabled: settings are in /etc/wsctl/config.toml, which wsctl init writes.
%install
cp -a ${tree}/. %{buildroot}
%files
%license /usr/share/licenses/wsctl/LICENSE
%doc /usr/share/doc/wsctl/CHANGELOG.md
/usr/bin/wsctl
/usr/lib/systemd/system/wsctl-*.service
/usr/share/bash-completion/completions/wsctl
/usr/share/zsh/site-functions/_wsctl
/usr/share/fish/vendor_completions.d/wsctl.fish
/usr/share/man/man1/wsctl.1.gz
%changelog
* ${day} ${maintainer} - ${version}-1
- See /usr/share/doc/wsctl/CHANGELOG.md
`;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      output: { type: "string", default: "dist" },
      binary: { type: "string", default: "dist/wsctl" },
      architecture: { type: "string", default: process.arch === "arm64" ? "aarch64" : "x86_64" },
    },
  });
  console.log(`built ${buildRpm(values)}`);
}
