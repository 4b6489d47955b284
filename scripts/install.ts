/**
 * Installs a package of Debian's where it is missing, as root; elsewhere says what is left out.
 */
export function install(name: string, purpose: string, has: () => boolean): void {
  if (has() || process.getuid?.() !== 0 || Bun.which("apt-get") === null) return;
  console.log(`installing ${name} from Debian, for ${purpose}`);
  const quiet = { stdout: "ignore", stderr: "inherit" } as const;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  Bun.spawnSync(["apt-get", "update", "-qq"], quiet);
  Bun.spawnSync(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], {
    ...quiet,
    env,
  });
  if (!has()) console.log(`${name} could not be installed: ${purpose} are left out`);
}
