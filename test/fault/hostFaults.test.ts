/** What the host stands in the way with is said in a sentence, and never as a fault of ours. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Running, temporaryDir, wsctlCommand } from "../support/processes/processes.ts";

setDefaultTimeout(30_000);

const isRoot = process.getuid?.() === 0;
const [binary = ""] = wsctlCommand("binary");

function mounted(dir: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", dir]).status === 0;
}

test.skipIf(!isRoot)("a control plane that starts on a full disk says so", async () => {
  using dir = temporaryDir();
  const disk = join(`${dir}`, "disk");
  mkdirSync(disk);
  if (!mounted(disk)) return;
  try {
    const args = ["serve", "--port", "0", "--data-dir", join(disk, "data")];
    await using first = new Running([binary, ...args]);
    await first.logged(/serving on/);
    await first.stop();
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "filler")}`, "bs=4k"]);
    await using second = new Running([binary, ...args]);
    expect(await second.exited).toBe(1);
    const said = second.lines.join("\n");
    expect(said).toMatch(/^wsctl: Cannot .*(disk is full|no space left)/im);
    expect(said).not.toContain("internal error");
    rmSync(join(disk, "filler"));
    await using third = new Running([binary, ...args]);
    await third.logged(/serving on/);
    await third.stop();
  } finally {
    spawnSync("umount", ["-l", disk]);
  }
});

test.skipIf(!isRoot)("a user whom the host does not know is told to name a directory", () => {
  using dir = temporaryDir();
  const copy = join("/var/tmp", `wsctl-test-${process.pid}`);
  copyFileSync(binary, copy);
  try {
    const ids = ["--reuid=54321", "--regid=54321", "--clear-groups"];
    const as = [...ids, "env", "-i", "PATH=/usr/bin:/bin", copy];
    const { stderr } = spawnSync("setpriv", [...as, "agents"], { encoding: "utf8", cwd: "/" });
    expect(stderr).toContain("Cannot find a home directory");
    expect(stderr).toContain("--data-dir");
    const named = spawnSync("setpriv", [...as, "agents", "--data-dir", `${dir}`], {
      encoding: "utf8",
      cwd: "/",
    });
    expect(named.stderr).not.toContain("internal error");
  } finally {
    rmSync(copy);
  }
});
