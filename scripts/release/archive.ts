/** An archive of one binary with completions, man page, licence and definitions of services. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";
import { type Contents, epoch, filesBelow, shells, units, version } from "./contents.ts";

export interface ArchiveOptions {
  binary: string;
  /** Such as `linux-x64`. */
  platform: string;
  output: string;
  contents: Contents;
  /** The level of gzip: 1 is fast. */
  level?: number;
}

/** Returns the name of the archive. The same binary gives the same bytes. */
export async function writeArchive(options: ArchiveOptions): Promise<string> {
  const { binary, platform, output, contents, level = 6 } = options;
  const top = `wsctl-${version}-${platform}`;
  const tree = mkdtempSync(join(tmpdir(), "wsctl-archive-"));
  try {
    const put = filesBelow(join(tree, top));
    const name = platform.startsWith("windows") ? "wsctl.exe" : "wsctl";
    put(name, "", 0o755);
    copyFileSync(binary, join(tree, top, name));
    put("LICENSE", contents.license);
    put("CHANGELOG.md", contents.changes);
    put("man/wsctl.1", contents.manPage);
    for (const shell of shells) put(`completions/wsctl.${shell}`, contents.completions[shell]);
    if (platform.startsWith("linux")) {
      for (const unit of units) put(`systemd/wsctl-${unit}.service`, contents.units[unit]);
    }
    if (platform.startsWith("windows")) put("windows/wsctl-agent.xml", contents.windowsService);
    const file = `${top}.tar.gz`;
    const entries = readdirSync(tree, { recursive: true, encoding: "utf8" }).sort();
    await create(
      {
        ...{ cwd: tree, file: join(output, file), gzip: { level } },
        // Without the names of users, and with one time.
        ...{ portable: true, mtime: new Date(epoch * 1000), noDirRecurse: true },
      },
      entries,
    );
    return file;
  } finally {
    rmSync(tree, { recursive: true });
  }
}
