/**
 * A host whose first process is systemd: in namespaces of its own, with this machine's files below
 * an overlay that is dropped at the end. For root only.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const systemd = "/usr/lib/systemd/systemd";

/** Boots into a target that starts no services of this machine. The first argument is a directory. */
const bootScript = `
set -e
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mkdir -p oldroot
mount --bind "$(dirname "$2")" mnt
pivot_root . oldroot
cd /
umount -l /oldroot
ip link set lo up
exec ${systemd} --system --unit=basic.target
`;

export class SystemdHost implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #pid: number;

  private constructor(child: ChildProcess, dir: string, pid: number) {
    this.#child = child;
    this.#dir = dir;
    this.#pid = pid;
  }

  /** Undefined where this machine does not let us. The binary is in /mnt there. */
  static async boot(binary: string): Promise<SystemdHost | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    const dir = mkdtempSync(join(tmpdir(), "wsctl-systemd-"));
    const words = ["-fpmunC", "--kill-child", "sh", "-c", bootScript, "boot", dir, binary];
    const child = spawn("unshare", words, {
      env: { ...process.env, container: "other" },
      stdio: "ignore",
    });
    const until = Date.now() + 20_000;
    while (Date.now() < until && child.exitCode === null) {
      const { stdout } = spawnSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" });
      const pid = Number(stdout.trim().split("\n")[0]);
      const host = new SystemdHost(child, dir, pid);
      if (pid > 0 && host.run("systemctl is-active basic.target").stdout === "active\n")
        return host;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await new SystemdHost(child, dir, 0)[Symbol.asyncDispose]();
    return undefined;
  }

  /** Runs a shell script on the host. */
  run(script: string): { code: number; stdout: string; stderr: string } {
    const words = [
      "-t",
      String(this.#pid),
      "-m",
      "-p",
      "-n",
      "-u",
      "-r",
      "-w",
      "/bin/sh",
      "-c",
      script,
    ];
    const done = spawnSync("nsenter", words, { encoding: "utf8", cwd: "/" });
    return { code: done.status ?? 255, stdout: done.stdout, stderr: done.stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
