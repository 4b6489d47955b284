/** Where the files of wsctl are on a Linux system, for packages of distributions. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Contents, filesBelow, shells, units } from "./contents.ts";

const completions = {
  bash: "usr/share/bash-completion/completions/wsctl",
  fish: "usr/share/fish/vendor_completions.d/wsctl.fish",
} as const;

export interface SystemPlaces {
  /** The directory in which the distribution keeps completions of zsh. */
  zsh: string;
}

/** Writes binary, completions, units and man page below a directory. */
export function writeSystemFiles(
  tree: string,
  binary: string,
  contents: Contents,
  { zsh }: SystemPlaces,
): void {
  const put = filesBelow(tree);
  put("usr/bin/wsctl", "", 0o755);
  copyFileSync(binary, join(tree, "usr/bin/wsctl"));
  for (const shell of shells) {
    const path = shell === "zsh" ? `${zsh}/_wsctl` : completions[shell];
    put(path, contents.completions[shell]);
  }
  for (const unit of units) {
    put(`usr/lib/systemd/system/wsctl-${unit}.service`, contents.units[unit]);
  }
  put("usr/share/man/man1/wsctl.1.gz", packed(contents.manPage));
}

/** Without a name or a time in its header. */
export function packed(content: Uint8Array): Uint8Array {
  return gzipSync(content, { level: 9 });
}
